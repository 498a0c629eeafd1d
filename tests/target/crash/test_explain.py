"""What consoles show of crashes, each as the code that prints it does."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from hil.target.crash import Crash, Elf, explain, find_elfs
from hil.target.crash.explain import unfinished

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
int answer(void) { return 42; }
void _start(void) { answer(); }
"""
PANIC = [
    "NOTICE:  BL31: v1",
    "PANIC in EL3.",
    "x30            = 0x000000000e0a0000",
    "far_el3        = 0x0000000000000000",
]
FROM_BELOW = [
    "Unhandled Exception from lower EL.",
    "x0             = 0x0000000000000000",
    "spsr_el3       = 0x00000000600003c9",
    "elr_el3        = 0x000000000e0a0000",
    "esr_el3        = 0x00000000be000011",
    "far_el3        = 0x0000000000000000",
]
OOPS = [
    "[    1.0] Unable to handle kernel paging request at virtual address ffff800000000000",
    "[    1.0]   ESR = 0x0000000096000045",
    "[    1.0] pc : crash_now+0x10/0x20 [vtpm]",
    "[    1.0] Kernel panic - not syncing: Oops: Fatal exception",
]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build with an ELF file of two functions at known places, called BL31."""
    source, elf = tmp_path / "tfa" / "crash.c", tmp_path / "bl31.elf"
    source.parent.mkdir()
    source.write_text(CODE)
    options = ["-g", "-O0", "-nostdlib", "-static", "-ffreestanding", "-Wl,-Ttext=0xe0a0000"]
    subprocess.run(["aarch64-linux-gnu-gcc", *options, "-o", elf, source], check=True)
    files = {"bl31.elf": {"sha256": hashlib.sha256(elf.read_bytes()).hexdigest()}, "flash.bin": {"sha256": ""}}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    return tmp_path


@pytest.fixture
def elfs(build: Path) -> tuple[Elf, ...]:
    return find_elfs([build / "flash.bin"])


def explained(lines: list[str], elfs: tuple[Elf, ...] = ()) -> Crash:
    found = explain(lines, elfs)
    assert found
    return found


def test_a_panic_is_looked_up_by_who_called_it_and_not_by_the_last_exception(elfs: tuple[Elf, ...]) -> None:
    found = explained([*PANIC, "elr_el3        = 0x000000000e0a0010"], elfs)
    assert [str(place) for place in found.places] == ["x30 is in answer at crash.c:2 (bl31.elf)"]
    assert "panic()" in found.cause
    assert not found.syndrome


def test_an_exception_of_a_lower_level_is_not_looked_up_in_bl31(elfs: tuple[Elf, ...]) -> None:
    found = explained(FROM_BELOW, elfs)
    assert (found.level, found.syndrome, found.places) == ("EL2", "SError", ())


def test_linux_tells_its_function_and_we_tell_the_syndrome() -> None:
    found = explained(OOPS)
    assert found.what.endswith("Kernel panic - not syncing: Oops: Fatal exception")
    assert found.syndrome == "data abort: translation fault, level 1, write"
    assert [place.function for place in found.places] == ["crash_now"]


def test_a_panic_of_linux_without_registers_is_explained_by_its_words() -> None:
    found = explained(["Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"])
    assert "no initial file system" in str(found)
    assert found.registers == ()


def test_processors_of_no_image_are_told_by_level_and_address() -> None:
    found = explained(["the emulator runs: CPU 0 at EL2 in 0x200, CPU 1 at EL3 in 0x1000"])
    assert str(found) == "CPU 0 is at EL2 in 0x200, which is in no known image"
    assert found.registers == (("CPU 0", "EL2 0x200"), ("CPU 1", "EL3 0x1000"))


def test_the_last_crash_counts() -> None:
    assert explained([*FROM_BELOW, *PANIC]).what == "PANIC in EL3."


def test_an_elf_file_of_another_build_explains_nothing(build: Path, elfs: tuple[Elf, ...]) -> None:
    with (build / "bl31.elf").open("ab") as file:
        file.write(b"newer")
    assert explained(PANIC, elfs).places == ()


def test_a_build_is_also_found_from_a_folder_inside_it(build: Path) -> None:
    assert [elf.name for elf in find_elfs([build / "linux" / "flash.bin"])] == ["bl31"]


def test_lines_without_a_crash_explain_nothing() -> None:
    assert explain(["NOTICE:  BL31: v1", "x0 = 0x1"], ()) is None


@pytest.mark.parametrize(
    ("esr", "far", "syndrome", "cause"),
    [
        (0x96000045, 0x8, "data abort: translation fault, level 1, write", "a null pointer was used"),
        (0x96000006, 0x1000, "data abort: translation fault, level 2, read", "nothing is mapped at 0x1000"),
        (0x9600004F, 0x1000, "data abort: permission fault, level 3, write", "0x1000 is read-only"),
        (0x96000021, 0x1001, "data abort: alignment fault, read", "not aligned"),
        (0x96000010, 0x9000, "data abort: synchronous external abort, read", "the other security state"),
        (0x86000004, 0x1234, "instruction abort: translation fault, level 0", "a jump to 0x1234"),
        (0x8A000000, 0x1, "PC alignment fault", "damaged function pointer"),
        (0xBE000000, 0x0, "SError", "failed later on"),
        (0xF2000001, 0x0, "BRK #0x1", "an assertion"),
    ],
)
def test_the_likely_cause_follows_from_syndrome_and_address(esr: int, far: int, syndrome: str, cause: str) -> None:
    found = explained(["Unhandled Exception in EL3.", f"esr_el3 = {esr:#018x}", f"far_el3 = {far:#018x}"])
    assert found.syndrome == syndrome
    assert cause in found.cause


def test_a_crash_comes_back_from_a_record_as_it_was(elfs: tuple[Elf, ...]) -> None:
    found = explained(PANIC, elfs)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Crash) == found


def test_a_dump_is_finished_when_the_registers_of_el3_are_there() -> None:
    assert unfinished(PANIC[:3])
    assert not unfinished(PANIC)
    assert not unfinished(PANIC[:2])
    assert not unfinished(OOPS)
