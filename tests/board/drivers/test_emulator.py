"""What happens to the emulator itself (failure modes 1 to 4 and 20)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from hil.board.drivers import emulator
from hil.deadline import Deadline
from hil.errors import (
    BoardDied,
    BoardFileError,
    ConsoleClosed,
    ConsoleTimeout,
    EmulatorControlError,
    FirmwareHang,
    UsageError,
)
from tests.board.drivers.conftest import BOOT, write_board
from tests.board.drivers.guest import assemble, echo, repeat, say
from tests.processes import still_running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.board.strategy import BoardStrategy

pytestmark = pytest.mark.emulator

LONG = 30.0


def test_a_killed_emulator_ends_a_wait_on_a_console_at_once(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    stream = board.shell.console.stream
    process = board.board.emulator.pid
    subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -KILL {process}"])
    began = time.monotonic()
    with pytest.raises(BoardDied, match="QEMU was killed by SIGKILL") as caught:
        stream.receive(Deadline.after(LONG))
    assert time.monotonic() - began < LONG / 2
    assert caught.value.context.console == ("monitor: ready", "!")


def test_a_killed_emulator_ends_an_expect_of_labgrid_at_once(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -KILL {board.board.emulator.pid}"])
    began = time.monotonic()
    with pytest.raises(BoardDied):
        board.shell.console.expect("never said", timeout=LONG)
    assert time.monotonic() - began < LONG / 2


def test_a_killed_emulator_ends_a_boot_at_once(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(BOOT[0])
    board.transition("flashed")
    board.board.on()
    os.kill(board.board.emulator.pid, signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(BoardDied):
        board.transition("monitor")
    assert time.monotonic() - began < LONG / 2


def test_a_stopped_emulator_meets_the_control_deadline_and_can_be_switched_off(
    make_board: Callable[..., BoardStrategy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "CONTROL_SECONDS", 0.5)
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    process = psutil.Process(board.board.emulator.pid)
    process.suspend()
    began = time.monotonic()
    with pytest.raises(EmulatorControlError, match=r"did not answer `stop` within 0.5 s \(process \d+ is stopped\)"):
        board.board.emulator.stop()
    assert time.monotonic() - began < LONG / 2
    board.transition("off")
    assert not process.is_running()


def test_an_emulator_that_stops_before_the_board_runs_meets_its_deadline(
    make_board: Callable[..., BoardStrategy], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = emulator.Emulator.run

    def run_stopped(self: emulator.Emulator) -> None:
        psutil.Process(self.pid).suspend()
        run(self)

    monkeypatch.setattr(emulator, "START_SECONDS", 0.2)
    monkeypatch.setattr(emulator.Emulator, "run", run_stopped)
    board = make_board(*BOOT)
    with pytest.raises(EmulatorControlError, match=r"did not answer `cont` within 0.2 s \(process \d+ is stopped\)"):
        board.transition("firmware")


def test_a_quiet_console_is_a_timeout_that_says_so(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    with pytest.raises(ConsoleTimeout, match=r"console `monitor` did not answer within 0.1 s"):
        board.shell.console.stream.receive(Deadline.after(0.1))


def test_silence_of_a_running_machine_is_its_firmwares(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    silence = board.shell.console.stream.silence()
    assert isinstance(silence, FirmwareHang)
    assert re.search(r"console `monitor`, but the emulator runs: CPU 0 at EL3 in 0x[0-9a-f]+", silence.message)


def test_silence_of_a_stopped_emulator_is_nobodys(
    make_board: Callable[..., BoardStrategy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "CONTROL_SECONDS", 0.5)
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    psutil.Process(board.board.emulator.pid).suspend()
    assert board.shell.console.stream.silence() is None


def test_a_bad_argument_is_an_error_with_the_words_of_qemu(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, machine="nosuch")
    began = time.monotonic()
    with pytest.raises(BoardDied, match=r'exited with status 1\n.*unsupported machine type: "nosuch"'):
        board.transition("firmware")
    assert time.monotonic() - began < LONG / 2


def test_a_missing_image_is_a_usage_error_before_qemu_starts(
    make_board: Callable[..., BoardStrategy], tmp_path: Path
) -> None:
    board = make_board(*BOOT)
    (tmp_path / "guest.bin").unlink()
    with pytest.raises(UsageError, match=r"no image .*guest\.bin: No such file"):
        board.transition("firmware")


def test_a_missing_emulator_is_named(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, qemu_bin="qemu-system-nosuch")
    with pytest.raises(UsageError, match="`qemu-system-nosuch` is not on this machine"):
        board.transition("firmware")


def test_a_flood_on_stderr_stalls_nothing(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(
        *BOOT, repeat(20, say("monitor", "x" * 200)), echo("monitor"), args=["-nodefaults", "-d", "exec,nochain"]
    )
    board.transition("monitor")
    assert board.status == "monitor"


def test_a_console_of_a_board_that_was_switched_off_is_closed(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    stream = board.shell.console.stream
    board.transition("off")
    with pytest.raises(ConsoleClosed, match="the board is off"):
        stream.send(b"x")
    with pytest.raises(ConsoleClosed, match="the board is off"):
        stream.receive(Deadline.after(1))


def test_an_unknown_serial_line_is_named_with_those_there_are(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT)
    with pytest.raises(BoardFileError, match="no serial line `debug`; it has monitor, firmware"):
        board.board.uart("debug")


def test_instructions_can_be_counted_instead_of_time(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"), icount="shift=1,sleep=off")
    board.transition("monitor")
    assert "-icount" in psutil.Process(board.board.emulator.pid).cmdline()


RUNNER = """
import sys, threading
from pathlib import Path
import tests.board.drivers.shell
from hil.board.file import labgridenv
from hil.board.snapshot import SnapshotStore
strategy = labgridenv.load(Path(sys.argv[1])).get_target().get_strategy()
strategy.snapshots = SnapshotStore(Path(sys.argv[1]).parent / "snapshots")
strategy.fork()  # now there are two: the board and the next one, prepared
print("forked", flush=True)
threading.Event().wait(60)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_runner_that_is_ended_leaves_no_emulator_behind(tmp_path: Path, how: signal.Signals) -> None:
    board_file = write_board(tmp_path, assemble(tmp_path, *BOOT, echo("monitor")))
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, board_file], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "forked\n"
        emulators = psutil.Process(runner.pid).children(recursive=True)
        assert len(emulators) == 2, "one that runs, and one that waits for the next fork"
        # From here on the kernel ends them with their parent: setpriv has asked for that before it becomes QEMU.
        became_qemu = Deadline.after(LONG)
        while [process.name() for process in emulators] != ["qemu-system-aarch64"] * 2:
            assert not became_qemu.expired
        runner.send_signal(how)
        runner.wait(10)
    assert still_running(emulators, 10) == []
