"""A port is for one program: who has it is named before the board is touched, and ours keeps others out."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.board.drivers import portlock
from hil.board.drivers.portlock import PortLocks, users
from hil.board.drivers.serialline import Pace
from hil.deadline import Deadline
from hil.errors import BoardSilent, BoardUnreachable, ConsoleInterrupted, ConsoleTimeout, ExitCode, PortInUse
from hil.target.monitor.link import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulators.bench import Bench

TERMINAL = """
import fcntl, os, sys, termios
port, how = sys.argv[1:]
fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
if how == "flock":
    fcntl.flock(fd, fcntl.LOCK_EX)
if how == "exclusive":
    fcntl.ioctl(fd, termios.TIOCEXCL)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def lock_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "lock"
    directory.mkdir()
    monkeypatch.setattr(portlock, "LOCK_DIRECTORIES", (directory, tmp_path / "missing"))
    monkeypatch.setattr(portlock, "WITHOUT_LOCK_FILE", ())  # each port of these tests is a pty
    return directory


class Terminal:
    """Another program that has a port open, until the end of the block."""

    def __init__(self, port: Path, how: str = "plain") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", TERMINAL, port, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "open\n"
        self.pid = self._process.pid

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def lock_file(directory: Path, port: Path) -> Path:
    return directory / ("LCK.." + os.path.realpath(port).removeprefix("/dev/").replace("/", "_"))


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize("how", ["plain", "flock", "exclusive"])
def test_a_terminal_program_is_named_before_the_power_is_touched(bench: Bench, how: str) -> None:
    (bench.card.parent / "mode").write_text("dut")
    bench.board.on()
    strategy = bench.strategy()
    with Terminal(bench.wire.link, how) as other:
        with pytest.raises(PortInUse) as caught:
            strategy.transition("monitor")
        assert re.search(rf"is in use: python\S* \(process {other.pid}\) has it open", caught.value.message)
        assert caught.value.exit_code is ExitCode.INFRASTRUCTURE
        assert bench.board.running
    strategy.force("off")
    strategy.transition("monitor")


@pytest.mark.parametrize("written", [lambda pid: f"{pid:10d}\n".encode(), lambda pid: struct.pack("i", pid)])
def test_a_lock_file_of_a_living_process_is_honoured(bench: Bench, lock_directory: Path, written: object) -> None:
    assert callable(written)
    file = lock_file(lock_directory, bench.wire.link)
    with subprocess.Popen(["sleep", "60"]) as other:
        file.write_bytes(written(other.pid))
        with pytest.raises(PortInUse, match=rf"sleep \(process {other.pid}\) has it open, as .*{file.name}"):
            bench.strategy().transition("flashed")
        other.kill()
    assert file.exists()


def test_a_lock_file_of_a_dead_process_is_replaced_by_ours(bench: Bench, lock_directory: Path, dead_pid: int) -> None:
    file = lock_file(lock_directory, bench.wire.link)
    file.write_text(f"{dead_pid:10d}\n")
    strategy = bench.strategy()
    strategy.transition("monitor")
    assert file.read_text() == f"{os.getpid():10d}\n"
    strategy.transition("off")
    assert file.exists()
    bench.leave()
    assert list(lock_directory.iterdir()) == []


def test_a_lock_file_that_cannot_be_written_does_not_matter(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portlock, "LOCK_DIRECTORIES", (Path("/proc/self"),))
    bench.strategy().transition("monitor")


def test_a_pty_has_no_lock_file(bench: Bench, lock_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portlock, "WITHOUT_LOCK_FILE", (portlock.PTY_DIRECTORY,))
    strategy = bench.strategy()
    strategy.transition("flashed")
    assert list(lock_directory.iterdir()) == []


def test_others_see_that_our_port_is_taken(bench: Bench) -> None:
    strategy = bench.strategy()
    strategy.transition("monitor")
    fd = os.open(bench.wire.link, os.O_RDWR | os.O_NOCTTY)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert is_exclusive(fd)
        strategy.transition("off")
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert not is_exclusive(fd)
    finally:
        os.close(fd)


def is_exclusive(fd: int) -> bool:
    return fcntl.ioctl(fd, portlock.TIOCGEXCL, bytes(4)) != bytes(4)


def test_a_program_that_locks_the_port_while_the_board_is_off_is_named(bench: Bench) -> None:
    strategy = bench.strategy()
    strategy.transition("flashed")
    with Terminal(bench.wire.link, "flock") as other:
        with pytest.raises(BoardUnreachable, match=rf"`monitor`: python\S* \(process {other.pid}\) has locked "):
            strategy.transition("monitor")
        assert not bench.board.running


def test_the_process_behind_a_pty_is_the_line_and_no_other_reader() -> None:
    code = "import os, sys; master, slave = os.openpty(); print(os.ttyname(slave), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as behind:
        assert behind.stdout
        port = behind.stdout.readline().strip()
        assert users(port) == []
        with Terminal(Path(port)) as other:
            assert [program.pid for program in users(port)] == [other.pid]
        behind.communicate()


def test_a_killed_process_leaves_no_lock(lock_directory: Path) -> None:
    master, slave = os.openpty()
    code = (
        "import sys, signal, os; from pathlib import Path; from hil.board.drivers import portlock;"
        "portlock.WITHOUT_LOCK_FILE = ();"
        f"portlock.LOCK_DIRECTORIES = (Path({str(lock_directory)!r}),);"
        "locks = portlock.PortLocks(); locks.take(sys.argv[1], 'port', 'board');"
        "fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); portlock.exclude_others(fd, sys.argv[1]);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    port = os.ttyname(slave)
    # Closed, because a pty is otherwise held by the process that tests it.
    done = subprocess.run([sys.executable, "-c", code, port], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL
    assert len(list(lock_directory.iterdir())) == 1
    locks = PortLocks()
    locks.take(port, "serial port", "board")
    portlock.exclude_others(slave, port)
    locks.release()
    os.close(slave)
    os.close(master)


def test_a_program_that_reads_along_is_blamed_and_not_the_firmware(bench: Bench) -> None:
    strategy = bench.strategy(deadline=0.3)
    bench.board.banners = (b"NOTICE:  BL31: v2\r\n",)
    strategy.transition("flashed")
    opened = strategy.board._open
    readers: list[Terminal] = []

    def open_and_read(*arguments: object) -> object:
        line = opened(*arguments)
        readers.append(Terminal(bench.wire.link))
        return line

    strategy.board._open = open_and_read
    with pytest.raises(ConsoleInterrupted, match=r"reached stage `BL31`, but not `service`.* has the port of console"):
        strategy.transition("monitor")
    cut(bench, 0)
    with readers[0] as reader, pytest.raises(ConsoleInterrupted, match=rf"\(process {reader.pid}\)"):
        Link(strategy.board.uart("monitor")).ask("anything", Deadline.after(0.1))


@pytest.fixture
def powered_port(bench: Bench) -> Iterator[Bench]:
    """A bench whose serial port is there only while the board has power."""
    on, off = bench.board.on, bench.board.off
    starting: list[threading.Timer] = []

    def switch_on() -> None:
        bench.wire.appear()
        starting.append(threading.Timer(0.3, on))
        starting[-1].start()

    def switch_off() -> None:
        while starting:
            starting[-1].cancel()
            starting.pop().join()
        off()
        bench.wire.vanish()

    bench.board.on = switch_on  # type: ignore[method-assign]
    bench.board.off = switch_off  # type: ignore[method-assign]
    bench.wire.vanish()
    yield bench
    bench.leave()
    bench.board.on, bench.board.off = on, off  # type: ignore[method-assign]


def test_a_port_that_appears_with_the_power_is_opened_then(powered_port: Bench) -> None:
    strategy = powered_port.strategy(board={"with_power": ["monitor"]})
    for _ in range(2):
        strategy.transition("monitor")
        strategy.transition("off")
    assert powered_port.board.boots == 2
    assert not any("the line is gone" in line.text for line in strategy.transcripts["monitor"].since(0))


def test_without_the_option_the_message_names_it(powered_port: Bench) -> None:
    with pytest.raises(BoardUnreachable, match="cannot open serial port `monitor`") as caught:
        powered_port.strategy().transition("monitor")
    assert "`with_power`" in caught.value.context.hint
    assert not powered_port.board.running


def test_a_port_that_does_not_appear_ends_the_wait(powered_port: Bench) -> None:
    powered_port.wire.appear = lambda: None  # type: ignore[method-assign]
    strategy = powered_port.strategy(board={"with_power": ["monitor"], "patience": 0.2})
    with pytest.raises(BoardUnreachable, match=r"did not appear within 0\.2 s after the power was switched on"):
        strategy.transition("monitor")


def test_what_was_said_before_the_port_was_there_is_not_held_against_the_firmware(powered_port: Bench) -> None:
    powered_port.board.banners = (b"half of a line\r\n",)
    strategy = powered_port.strategy(board={"with_power": ["monitor"]}, deadline=1.5)
    with pytest.raises(ConsoleInterrupted, match="what the board said before is lost"):
        strategy.transition("monitor")


def test_a_board_that_is_faster_than_its_port_says_why_nothing_came(powered_port: Bench) -> None:
    powered_port.board.banners = ()
    strategy = powered_port.strategy(board={"with_power": ["monitor"]}, deadline=0.5)
    with pytest.raises(BoardSilent, match="what the board said before is lost"):
        strategy.transition("monitor")


def test_a_line_of_the_option_that_the_board_has_not_is_named(bench: Bench) -> None:
    with pytest.raises(Exception, match="`with_power` has `firmware`, but `uarts` has monitor"):
        bench.strategy(board={"with_power": ["firmware"]})


def cut(bench: Bench, size: int) -> None:
    """Give the board a UART that loses what does not fit into its `size` bytes at a time."""

    def to_board(master: int) -> None:
        try:
            data = os.read(master, 4096)
        except OSError:
            return
        bench.wire._near.sendall(data[:size])

    bench.wire._to_board = to_board  # type: ignore[method-assign]


def test_a_uart_that_loses_what_is_fast_is_talked_to_slowly(bench: Bench) -> None:
    cut(bench, 16)
    strategy = bench.strategy(uart={"txchunk": 8, "txdelay": 0.01})
    strategy.transition("monitor")
    asked = "a request of more than sixteen bytes"
    assert Link(strategy.board.uart("monitor")).ask(asked, Deadline.after(20)) == asked[::-1]


def test_a_uart_that_loses_what_is_fast_is_named_as_a_cause(bench: Bench) -> None:
    cut(bench, 12)
    with pytest.raises(ConsoleTimeout) as caught:
        bench.strategy(deadline=0.5).transition("monitor")
    assert "`txchunk` and `txdelay`" in caught.value.context.hint


def test_a_pace_cuts_what_is_sent_and_knows_how_long_it_takes() -> None:
    assert Pace().pieces(b"abc") == [b"abc"]
    assert Pace(2, 0.5).pieces(b"abc") == [b"ab", b"c"]
    assert Pace(2, 0.5).seconds(4) == 1.0
