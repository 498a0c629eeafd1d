"""Snapshots: every fork is the same board right after boot; none outlives what it was made from (failure mode 24)."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from hil.board.drivers.machinememory import MachineMemory, has_memory, size_of
from hil.board.snapshot import KEPT, SnapshotStore, snapshot_key
from hil.deadline import Deadline
from hil.errors import BoardFileError, ConsoleClosed, FirmwareError, InfrastructureError
from hil.files import file_sha256
from hil.paths import cache_root
from tests.board.drivers.conftest import BOOT
from tests.board.drivers.guest import count_bytes, count_in_memory, echo, say, wait_for_byte

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.board.strategy import BoardStrategy

SOON = 20.0
MEMORY_BYTES = 64 << 20
COUNTING = (*BOOT, wait_for_byte("monitor"), say("monitor", "!"), wait_for_byte("monitor"), say("monitor", "!"))


def letter(board: BoardStrategy) -> bytes:
    """Ask the guest that counts for its next letter."""
    stream = board.shell.console.stream
    stream.send(b".")
    answer: bytes = stream.receive(Deadline.after(SOON))
    return answer


def boots(board: BoardStrategy) -> int:
    return sum(line.text == "BL1: v1" for line in board.transcripts["firmware"].since(0))


@pytest.mark.emulator
def test_every_fork_starts_from_the_same_state_after_one_boot(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*COUNTING, count_bytes("monitor"))
    for _ in range(3):
        board.fork()
        assert [letter(board), letter(board), letter(board)] == [b"a", b"b", b"c"]
    assert boots(board) == 1
    assert board.status == "monitor"


@pytest.mark.emulator
def test_a_snapshot_that_others_pushed_out_serves_its_run_to_the_end(
    make_board: Callable[..., BoardStrategy], tmp_path: Path
) -> None:
    board = make_board(*COUNTING, count_bytes("monitor"))
    board.fork()
    shutil.rmtree(tmp_path / "snapshots")
    for _ in range(2):  # one may have been prepared before
        board.fork()
        assert letter(board) == b"a"
    assert boots(board) == 1


@pytest.mark.emulator
def test_a_state_that_was_kept_is_where_its_forks_start(make_board: Callable[..., BoardStrategy]) -> None:
    steps = (action for text in "a!b" for action in (wait_for_byte("monitor"), say("monitor", text)))
    board = make_board(*COUNTING, *steps)
    board.fork()
    assert letter(board) == b"a"
    kept = board.keep()
    for _ in range(2):
        board.fork(kept)
        assert letter(board) == b"b"
    board.fork()
    assert letter(board) == b"a"
    assert list(board.snapshots.root.glob(".kept-*")) == []


@pytest.mark.emulator
def test_a_stored_state_is_made_once_for_all_runs_unless_its_ingredients_change(
    make_board: Callable[..., BoardStrategy],
) -> None:
    steps = (action for text in "a!b" for action in (wait_for_byte("monitor"), say("monitor", text)))
    firmware = (*COUNTING, *steps)
    made = []

    def letter_of(ingredients: str) -> bytes:
        board = make_board(*firmware)

        def bring() -> None:
            board.fork()
            assert letter(board) == b"a"
            made.append(ingredients)

        board.fork(board.stored("beyond a", ingredients, bring))
        return letter(board)

    assert [letter_of("salt"), letter_of("salt"), letter_of("pepper")] == [b"b", b"b", b"b"]
    assert made == ["salt", "pepper"]


@pytest.mark.emulator
def test_a_state_that_was_not_reached_is_not_stored_and_breaks_no_board(
    make_board: Callable[..., BoardStrategy],
) -> None:
    board = make_board(*BOOT, echo("monitor"))

    def fail() -> None:
        board.fork()
        raise FirmwareError("the guest hangs")

    for _ in range(2):
        with pytest.raises(FirmwareError, match="hangs"):
            board.stored("guest", "", fail)
    assert board.broken is None


@pytest.mark.emulator
def test_forks_that_map_the_saved_memory_write_to_copies_of_their_own(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, count_in_memory("monitor"), mapped=True)
    board.fork()
    assert [letter(board), letter(board)] == [b"a", b"b"]
    (state,) = board.snapshots.root.glob("*/state")
    assert has_memory(state, MEMORY_BYTES)
    before = file_sha256(state)
    kept = board.keep()  # of a fork, whose memory is no file of its own
    for _ in range(2):
        board.fork(kept)
        assert letter(board) == b"c"
        board.fork()
        assert [letter(board), letter(board)] == [b"a", b"b"]
    assert file_sha256(state) == before


@pytest.mark.emulator
def test_a_stored_state_beyond_a_fork_is_mapped_as_well(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, count_in_memory("monitor"), mapped=True)

    def bring() -> None:
        board.fork()
        assert letter(board) == b"a"

    stored = board.stored("beyond a", "", bring)
    for _ in range(2):
        board.fork(stored)
        assert letter(board) == b"b"
    assert [has_memory(state, MEMORY_BYTES) for state in board.snapshots.root.glob("*/state")] == [True, True]


def test_a_saved_memory_takes_no_room_for_what_is_empty(tmp_path: Path) -> None:
    machine = MachineMemory.own(1 << 30)
    assert machine.descriptor is not None
    os.pwrite(machine.descriptor, b"content", 1 << 29)
    os.pwrite(machine.descriptor, bytes(1 << 20), 1 << 28)  # zeros that the machine has written
    state = tmp_path / "state"
    state.touch()
    machine.write(state)
    machine.close()
    assert state.stat().st_blocks * 512 < 1 << 18
    again = MachineMemory.own(1 << 30, state)
    assert again.descriptor is not None
    assert os.pread(again.descriptor, 7, 1 << 29) == b"content"
    again.close()


@pytest.mark.parametrize(("memory", "size"), [("1G", 1 << 30), ("512", 512 << 20), ("64k", 64 << 10)])
def test_a_size_of_memory_is_what_qemu_takes_it_for(memory: str, size: int) -> None:
    assert size_of(memory) == size


def test_a_size_of_memory_that_is_none_is_the_board_files_mistake() -> None:
    with pytest.raises(BoardFileError, match="`memory: much` is no size"):
        size_of("much")


@pytest.mark.emulator
def test_no_fork_is_prepared_when_none_follows(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.forks_again = False
    board.fork()
    assert board.board._standby is None


@pytest.mark.emulator
def test_a_later_run_forks_without_any_boot(make_board: Callable[..., BoardStrategy]) -> None:
    make_board(*BOOT, echo("monitor")).fork()
    later = make_board(*BOOT, echo("monitor"))
    later.fork()
    assert boots(later) == 0


@pytest.mark.emulator
def test_the_console_of_the_fork_before_is_closed(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.fork()
    stream = board.shell.console.stream
    board.fork()
    with pytest.raises(ConsoleClosed):
        stream.send(b"x")


@pytest.mark.emulator
@pytest.mark.parametrize("change", [{"memory": "80M"}, {"smp": 2}, {"args": ["-nodefaults", "-no-reboot"]}])
def test_a_snapshot_of_another_configuration_is_not_used(
    make_board: Callable[..., BoardStrategy], change: dict[str, object]
) -> None:
    make_board(*BOOT, echo("monitor")).fork()
    other = make_board(*BOOT, echo("monitor"), **change)
    other.fork()
    assert boots(other) == 1


@pytest.mark.emulator
def test_a_snapshot_of_another_firmware_is_not_used(make_board: Callable[..., BoardStrategy]) -> None:
    make_board(*BOOT, echo("monitor")).fork()
    other = make_board(say("monitor", "new\n"), *BOOT, echo("monitor"))
    other.fork()
    assert boots(other) == 1


@pytest.mark.emulator
def test_a_damaged_snapshot_is_made_anew(make_board: Callable[..., BoardStrategy], tmp_path: Path) -> None:
    make_board(*BOOT, echo("monitor")).fork()
    (state,) = (tmp_path / "snapshots").glob("*/state")
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)
    board = make_board(*BOOT, echo("monitor"))
    board.fork()
    assert boots(board) == 1
    assert state.read_bytes() != bytes(data)


@pytest.mark.emulator
def test_a_prepared_board_that_died_is_replaced(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.fork()
    _, standby = board.board._standby
    os.kill(standby.pid, signal.SIGKILL)
    board.fork()
    assert not board.board.dead


@pytest.mark.emulator
def test_forks_leave_no_descriptors_and_no_processes_behind(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))

    def held() -> tuple[int, int]:
        gc.collect()
        myself = psutil.Process()
        return myself.num_fds(), len(myself.children(recursive=True))

    board.fork()
    before = held()
    for _ in range(5):
        board.fork()
    assert held() == before


def test_keys_differ_with_board_state_and_identity() -> None:
    keys = {snapshot_key(*parts) for parts in [("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x")]}
    assert len(keys) == 4


def test_a_snapshot_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise InfrastructureError("disk full")

    with pytest.raises(InfrastructureError):
        store.create("key", fail)
    assert store.find("key") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"statE", b"stat", b"state and more"])
def test_a_snapshot_that_changed_on_disk_is_removed(tmp_path: Path, content: bytes) -> None:
    store = SnapshotStore(tmp_path)
    state = store.create("key", lambda path: void(path.write_bytes(b"state")))
    assert store.find("key") == state
    state.write_bytes(content)
    assert store.find("key") is None
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_that_nobody_has_written_to_is_read_once_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.hashes.SETTLED_SECONDS", -1.0)
    store = SnapshotStore(tmp_path)
    state = store.create("key", lambda path: void(path.write_bytes(b"state")))
    assert store.find("key") == state
    monkeypatch.setattr("hil.board.snapshot.sparse_sha256", lambda _: "nobody should read it")
    assert store.find("key") == state
    status = state.stat()
    state.write_bytes(b"statE")
    os.utime(state, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.find("key") is None


def test_the_least_recently_used_snapshots_go(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    for number in range(KEPT):
        store.create(f"key{number}", lambda path: void(path.write_bytes(b"state")))
        os.utime(tmp_path / f"key{number}", (number, number))
    assert store.find("key0")
    store.create("new", lambda path: void(path.write_bytes(b"state")))
    rest = {f"key{number}" for number in range(KEPT)} - {"key1"}
    assert {entry.name for entry in tmp_path.iterdir()} == {*rest, "new"}


def test_what_is_kept_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.board.snapshot.KEPT_BYTES", 25)
    store = SnapshotStore(tmp_path)
    for number in range(3):
        store.create(f"{number}", lambda path: void(path.write_bytes(bytes(10))))
        os.utime(tmp_path / f"{number}", (number, number))
    assert [store.find(f"{number}") is not None for number in range(3)] == [False, True, True]
    store.create("large", lambda path: void(path.write_bytes(bytes(100))))
    assert [entry.name for entry in tmp_path.iterdir()] == ["large"]


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HIL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "hil"
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "own"))
    assert cache_root() == tmp_path / "own"


def void(_: int) -> None:
    """Drop a result."""
