"""The engine's own C library: the heap against a model, formatted text against C's printf, memory functions."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.engine_process import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ENGINE = HERE.parents[1] / "firmware/engine"
HEAP_BYTES = 256 * 1024
ALIGNMENT = 16
FAULT_EXIT = 100
SIZES = st.one_of(st.integers(0, 300), st.integers(0, 20_000))
FORMATS = ("%d", "%5d", "%-5d|", "%05d", "%-05d|", "%.3d", "%8.3d", "%u", "%x", "%08X", "%ld", "%lu", "%zx", "%lld")


@pytest.fixture(scope="session")
def libc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """heap.c and format.c for this machine, under names that do not collide with its C library."""
    target = tmp_path_factory.mktemp("libc") / "libc.so"
    names = ("malloc", "free", "realloc", "vsnprintf", "snprintf")
    command: list[str | Path] = ["gcc", "-std=c17", "-O1", "-g", "-shared", "-fPIC", "-fno-builtin", "-o", target]
    command += [f"-D{name}=engine_{name}" for name in names]
    command += [f"-I{ENGINE / folder}" for folder in ("include", "src", "libc")]
    command += [ENGINE / "libc/heap.c", ENGINE / "libc/format.c", HERE / "libc_stubs.c"]
    subprocess.run(command, check=True, timeout=60)
    return target


class Heap:
    """A heap of its own, as each window has."""

    def __init__(self, library: Path, bytes_now: int = HEAP_BYTES) -> None:
        copy = library.with_name(f"heap-{os.urandom(8).hex()}.so")  # its variables start as zero
        copy.write_bytes(library.read_bytes())
        self._library = ctypes.CDLL(str(copy))
        copy.unlink()
        self._arena = ctypes.create_string_buffer(HEAP_BYTES + ALIGNMENT)
        self.start = -(-ctypes.addressof(self._arena) // ALIGNMENT) * ALIGNMENT
        self.malloc = self._function("engine_malloc", ctypes.c_size_t)
        self.free = self._function("engine_free", ctypes.c_void_p)
        self.realloc = self._function("engine_realloc", ctypes.c_void_p, ctypes.c_size_t)
        self.in_use = self._function("heap_in_use")
        self._function("heap_open", ctypes.c_void_p, ctypes.c_void_p)(self.start, self.start + bytes_now)

    def extend(self) -> None:
        """Give the heap the rest of its memory."""
        self._function("heap_extend", ctypes.c_void_p)(self.start + HEAP_BYTES)

    def _function(self, name: str, *arguments: type) -> Callable[..., int]:
        function = getattr(self._library, name)
        function.argtypes = arguments
        function.restype = ctypes.c_size_t
        return function  # type: ignore[no-any-return]


def exit_code(act: Callable[[], object]) -> int:
    """Run `act` in a child, which the library may end."""
    child = os.fork()
    if child == 0:
        act()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), SIZES), max_size=150))
def test_blocks_never_overlap_and_keep_their_content(libc: Path, steps: list[tuple[int, int, int]]) -> None:
    heap = Heap(libc)
    live: list[tuple[int, bytes]] = []
    for action, which, size in steps:
        if action == 0 and sum(len(content) for _, content in live) + size < HEAP_BYTES // 4:
            live.append((heap.malloc(size), os.urandom(size)))
        elif action == 1 and live:
            heap.free(live.pop(which % len(live))[0])
            continue
        elif action == 2 and live and size < HEAP_BYTES // 4:
            at, content = live.pop(which % len(live))
            moved = heap.realloc(at, size)
            kept = content[:size]
            assert ctypes.string_at(moved, len(kept)) == kept
            live.append((moved, kept + os.urandom(size - len(kept))))
        else:
            continue
        at, content = live[-1]
        assert at % ALIGNMENT == 0
        assert heap.start <= at
        assert at + len(content) <= heap.start + HEAP_BYTES
        ctypes.memmove(at, content, len(content))
    for at, content in live:
        assert ctypes.string_at(at, len(content)) == content
        heap.free(at)
    assert heap.in_use() == 0


@given(sizes=st.lists(SIZES, min_size=1, max_size=40), order=st.randoms())
@settings(max_examples=50, deadline=None)
def test_a_heap_that_was_emptied_serves_its_largest_block_again(libc: Path, sizes: list[int], order: object) -> None:
    heap = Heap(libc)
    largest = HEAP_BYTES * 15 // 16 - 64  # lists are a sixteenth of a power of two apart
    heap.free(heap.malloc(largest))
    blocks = [heap.malloc(size) for size in sizes if size < HEAP_BYTES // 64]
    order.shuffle(blocks)  # type: ignore[attr-defined]
    for block in blocks:
        heap.free(block)
    assert exit_code(lambda: heap.malloc(largest)) == 0


def test_an_extended_heap_joins_both_parts(libc: Path) -> None:
    heap = Heap(libc, HEAP_BYTES // 2)
    large = HEAP_BYTES * 3 // 4
    assert exit_code(lambda: heap.malloc(large)) == FAULT_EXIT + Fault.HEAP_FULL
    heap.extend()
    assert exit_code(lambda: heap.malloc(large)) == 0


@pytest.mark.parametrize("size", [HEAP_BYTES, 2**20, 2**40, 2**64 - 1])
def test_a_request_that_does_not_fit_is_a_fault(libc: Path, size: int) -> None:
    heap = Heap(libc)
    assert exit_code(lambda: heap.malloc(size)) == FAULT_EXIT + Fault.HEAP_FULL


def test_freeing_twice_is_a_fault(libc: Path) -> None:
    heap = Heap(libc)
    block, _above = heap.malloc(100), heap.malloc(100)
    heap.free(block)
    assert exit_code(lambda: heap.free(block)) == FAULT_EXIT + Fault.HEAP_CORRUPT


def test_writing_past_a_block_is_a_fault_when_it_is_freed(libc: Path) -> None:
    heap = Heap(libc)
    block, _above = heap.malloc(96), heap.malloc(96)
    ctypes.memset(block, 0xFF, 96 + 8)
    assert exit_code(lambda: heap.free(block)) == FAULT_EXIT + Fault.HEAP_CORRUPT


@given(template=st.sampled_from(FORMATS), value=st.integers(-(2**31), 2**31 - 1))
@settings(max_examples=300, deadline=None)
def test_numbers_are_written_as_c_writes_them(libc: Path, template: str, value: int) -> None:
    assert formatted(libc, template, ctypes.c_long(value)) == reference(template, ctypes.c_long(value))


@pytest.mark.parametrize("template", ["%s", "%10s", "%-10s|", "%.3s", "100%% %s", "%c%%"])
def test_text_is_written_as_c_writes_it(libc: Path, template: str) -> None:
    value: object = ctypes.c_int(65) if "c" in template else ctypes.c_char_p(b"libtpms")
    assert formatted(libc, template, value) == reference(template, value)


def test_text_that_does_not_fit_is_cut_and_its_length_told(libc: Path) -> None:
    out = ctypes.create_string_buffer(b"\xaa" * 16)
    assert ctypes.CDLL(str(libc)).engine_snprintf(out, ctypes.c_size_t(4), b"%s", b"abcdef") == 6
    assert out.raw[:5] == b"abc\x00\xaa"


def test_memory_functions_match_byte_loops(tmp_path: Path) -> None:
    program = tmp_path / "memory-check"
    renamed = [f"-D{name}=engine_{name}" for name in ("memcpy", "memmove", "memset")]
    assembly = tmp_path / "memory.o"
    subprocess.run(
        ["aarch64-linux-gnu-gcc", *renamed, "-c", "-o", assembly, ENGINE / "libc/memory.S"], check=True, timeout=60
    )
    subprocess.run(
        ["aarch64-linux-gnu-gcc", "-O2", "-static", "-o", program, HERE / "memory_check.c", assembly],
        check=True,
        timeout=60,
    )
    done = subprocess.run(["qemu-aarch64", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def formatted(library: Path, template: str, value: object) -> bytes:
    out = ctypes.create_string_buffer(64)
    length = ctypes.CDLL(str(library)).engine_snprintf(out, ctypes.c_size_t(64), template.encode(), value)
    assert length == len(out.value)
    return out.value


def reference(template: str, value: object) -> bytes:
    out = ctypes.create_string_buffer(64)
    ctypes.CDLL(None).snprintf(out, ctypes.c_size_t(64), template.encode(), value)
    return out.value
