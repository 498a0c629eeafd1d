"""Whoever hangs up in the middle: the board is off, the record is whole, and the exit code says "interrupted"."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

from hil.record import FaultKind, Outcome, Verdict
from tests.board.drivers.conftest import write_board

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.environments.commands import Commands

SECONDS = 60
ONE = ("run", "--no-build", "--board", "bench")
TWO = (*ONE, "--board", "bare")
"""Runs on a board on the bench: in one process, and in one for each board."""
WAITING = """
import signal

def test_done(board): pass
def test_cut(board):
    board.transition("monitor") if board.name == "bench" else None
    with open(f"{board.name}.fifo", "w") as fifo:
        print("waiting", file=fifo)
    signal.sigtimedwait([], 60)
def test_never(board): pass
"""
BOARD = """
imports: [hil.drivers, hil.strategies, hil.lab.simulated.rom]
options: {kind: board, description: a serial line and a power switch}
targets:
  main:
    resources: RESOURCES
    drivers:
      NetworkPowerDriver: {}
      RomDriver: {}
      SerialBoardDriver: {uarts: [monitor], rest: 0}
      UartDriver: {name: monitor}
      MonitorDriver: {bindings: {console: monitor}}
      BoardStrategy:
        states:
          firmware:
            deadline: 30
            banners: [{stage: BL31, uart: monitor, line: '^NOTICE:  BL31: v'}]
          monitor:
            deadline: 30
            banners: [{stage: monitor, uart: monitor, line: '^monitor: READY'}]
"""


class Bench:
    """A simulated board behind a power switch, in a process of its own."""

    def __init__(self, tree: Commands, directory: Path) -> None:
        self.tree = tree
        self.directory = directory

    def describe(self, *, ready: bool) -> None:
        """Write the board's file; a board that is not `ready` never says what its file makes us wait for."""
        exported = yaml.safe_load((self.directory / "simulated-1.yaml").read_text())["simulated-1"]
        port = exported.pop("monitor")
        resources = [{"NetworkSerialPort": {"name": "monitor", **port, "protocol": "raw"}}]
        resources[0]["NetworkSerialPort"].pop("cls")
        resources.append({"NetworkPowerPort": exported["NetworkPowerPort"]})
        text = BOARD.replace("RESOURCES", json.dumps(resources)).replace("READY", "ready" if ready else "READY")
        (self.tree.path / "boards" / "bench.yaml").write_text(text)

    @property
    def is_on(self) -> bool:
        """Whether the board has power."""
        state = self.directory / "on.json"
        return state.exists() and json.loads(state.read_text()) != []

    def await_power(self, process: subprocess.Popen[Any]) -> None:
        """Wait until the board has power."""
        deadline = time.monotonic() + SECONDS
        while not self.is_on:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def bench(tree: Commands, tmp_path: Path) -> Iterator[Bench]:
    directory = tmp_path / "bench"
    directory.mkdir()
    command = [sys.executable, "-m", "hil.lab.simulated", str(directory), "--boards", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=tree.variables()) as rack:
        assert rack.stdout
        assert rack.stdout.readline() == b"ready\n"
        yield Bench(tree, directory)
        rack.kill()


@pytest.mark.parametrize("run", [ONE, TWO])
def test_a_run_whose_terminal_is_gone_ends_as_an_interrupted_one(bench: Bench, run: tuple[str, ...]) -> None:
    with _waiting(bench, run) as waiting:
        process, terminal = bench.tree.start_in_terminal(*run)
        waiting(process)
        assert bench.is_on
        terminal.hang_up()
        assert process.wait(SECONDS) == 2
    _assert_interrupted(bench, len(run) // 2 - 1)


@pytest.mark.parametrize("run", [ONE, TWO])
def test_a_hangup_that_comes_twice_does_not_cut_the_end_of_a_run_short(bench: Bench, run: tuple[str, ...]) -> None:
    with _waiting(bench, run) as waiting:
        process = bench.tree.start(*run)
        waiting(process)
        for _ in range(3):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.05)  # or the kernel delivers several as one
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, said
    assert "Traceback" not in said
    assert "interrupted" in said
    _assert_interrupted(bench, len(run) // 2 - 1)


@pytest.mark.parametrize("run", [ONE, TWO])
def test_a_run_under_nohup_goes_on(bench: Bench, run: tuple[str, ...]) -> None:
    with _waiting(bench, run, goes_on=True) as waiting:
        process = bench.tree.start(*run, under=("nohup",))
        waiting(process)
        process.send_signal(signal.SIGHUP)
        (bench.tree.path / "go-on").touch()
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert bench.tree.record.verdict is Verdict.PASSED


def test_a_bring_up_whose_terminal_is_gone_switches_the_board_off(bench: Bench) -> None:
    bench.describe(ready=False)
    process, terminal = bench.tree.start_in_terminal("bringup", "--board", "bench")
    bench.await_power(process)
    terminal.hang_up()
    assert process.wait(SECONDS) == 2
    assert not bench.is_on


def test_a_console_whose_terminal_is_gone_switches_the_board_off(bench: Bench) -> None:
    bench.describe(ready=True)
    process, terminal = bench.tree.start_in_terminal("console", "bench")
    bench.await_power(process)
    terminal.hang_up()
    assert process.wait(SECONDS) in {0, 2}  # the end of the keyboard may be seen before the signal
    assert not bench.is_on


def test_a_bench_whose_terminal_is_gone_leaves_no_emulator_behind(tree: Commands, tmp_path: Path) -> None:
    image = tmp_path / "flash.bin"
    image.write_bytes(bytes(1 << 16))  # what never says anything
    board = json.loads(write_board(tmp_path, image).read_text())
    drivers = board["targets"]["main"]["drivers"]
    drivers[-2] = {"MonitorDriver": {"bindings": {"console": "monitor"}}}
    board["options"] = {"kind": "board"}
    (tree.path / "boards" / "silent.yaml").write_text(json.dumps(board))
    process, terminal = tree.start_in_terminal("bench", "instructions", "--board", "silent", "--no-build")
    deadline = time.monotonic() + SECONDS
    while not (started := [child for child in _children(process) if "qemu" in child.name()]):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    terminal.hang_up()
    assert process.wait(SECONDS) == 2
    assert not psutil.wait_procs(started, SECONDS)[1]


def _children(process: subprocess.Popen[Any]) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def test_a_lab_whose_terminal_is_gone_ends_with_all_its_parts(tree: Commands) -> None:
    process, terminal = tree.start_in_terminal("lab", "up", "--boards", "1", "--emulators", "0")
    state = tree.path / "build" / "lab" / "lab.json"
    deadline = time.monotonic() + SECONDS
    while not (state.exists() and len(pids := json.loads(state.read_text())["pids"]) == 4 and all(pids.values())):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    parts = [os.pidfd_open(pid) for pid in pids.values()]
    terminal.hang_up()
    assert process.wait(SECONDS) in {0, 2}
    for part in parts:
        assert select.select([part], [], [], SECONDS)[0]
        os.close(part)
    assert not state.exists()


@contextlib.contextmanager
def _waiting(
    bench: Bench, run: tuple[str, ...], *, goes_on: bool = False
) -> Iterator[Callable[[subprocess.Popen[Any]], None]]:
    """Yield a function that waits until each board of a run is in the test that is to be cut."""
    bench.describe(ready=True)
    wait = "import pathlib, time\n    while not pathlib.Path('go-on').exists(): time.sleep(0.02)"
    bench.tree.suite(WAITING.replace("signal.sigtimedwait([], 60)", wait) if goes_on else WAITING)
    fifos = []
    for board in run[3::2]:
        os.mkfifo(bench.tree.path / f"{board}.fifo")
        fifos.append(os.open(bench.tree.path / f"{board}.fifo", os.O_RDONLY | os.O_NONBLOCK))

    def wait_for_all(process: subprocess.Popen[Any]) -> None:
        ended = os.pidfd_open(process.pid)
        for fifo in fifos:
            ready = select.select([fifo, ended], [], [], SECONDS)[0]
            assert fifo in ready, process.stdout.read() if process.stdout and ended in ready else "nothing happens"
        os.close(ended)

    yield wait_for_all
    for fifo in fifos:
        os.close(fifo)


def _assert_interrupted(bench: Bench, boards: int) -> None:
    assert not bench.is_on
    assert bench.tree.record.verdict is Verdict.INTERRUPTED
    assert len(bench.tree.record.boards) == boards
    cases = bench.tree.cases("bench")
    assert cases["test_done"].outcome is Outcome.PASSED
    assert [fault.kind for fault in cases["test_cut"].faults] == [FaultKind.INTERRUPTED]
    assert cases["test_never"].reason == "not run: the run ended before it"
    assert "test_cut" in {name for _, name in bench.tree.junit}
    assert (bench.tree.path / "reports" / "latest" / "report.html").exists()
