"""gdb on a board: real sessions with breakpoints at EL3, EL2, EL1 and in the engine; and what stands in its way."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attr
import pytest
from labgrid import Target
from labgrid.driver import OpenOCDDriver
from labgrid.resource import Resource

import hil
from hil.board.drivers.debugport import debug_port, openocd_command
from hil.errors import ExitCode, MissingTool, UsageError
from hil.firmware import build
from hil.session import gdb

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SECONDS = 120
ANSWER_SECONDS = 20
NEEDS_GDB = pytest.mark.skipif(shutil.which(gdb.GDB) is None, reason=f"{gdb.GDB} is not here: {gdb.INSTALL}")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with the board `qemu-virt`."""
    build("qemu-virt")
    for name in ("build", "boards"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "pyproject.toml").write_text("[tool.hil]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(tree: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hil", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=typed,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class Session:
    """A gdb that is told by a script what to do, beside a board that is in use."""

    def __init__(self, script: str) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".gdb", delete=False) as file:
            file.write(script)
        command = [gdb.GDB, "-q", "-nx", "-batch", "-x", file.name]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = b""

    def until(self, text: bytes) -> None:
        """Read what it says until there is this text."""
        assert self.process.stdout is not None
        end = time.monotonic() + SECONDS
        while text not in self.said and time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 1)[0]:
                data = os.read(self.process.stdout.fileno(), 1 << 16)
                if not data:
                    break
                self.said += data
        assert text in self.said, self.said.decode()

    def ended(self) -> str:
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        self.process.wait(SECONDS)
        return self.said.decode()


SCRIPT = """
tbreak command_run
continue
level
tbreak vtpm_dispatch
continue
level
backtrace 1
tbreak guest_main
continue
level
tbreak TPMLIB_Process
continue
level
print engine_header
detach
"""
"""Follows a request to the monitor, its call to EL3, the start of an agent in a VM, and the first TPM command."""


@NEEDS_GDB
@pytest.mark.emulator
def test_breakpoints_hold_at_every_level_and_the_board_runs_on(tree: Path) -> None:
    assert tree.is_dir()
    with hil.connect("qemu-virt", build=False, record=False) as board:
        service = board.service
        with debug_port(board.board.target, board.board.strategy.board) as port:
            session = Session(gdb.script(gdb.elfs_of(board.board), port) + SCRIPT)
            session.until(b"Temporary breakpoint 1 at")
            assert service.version().major == 1
            assert len(board.tpm.random(8)) == 8
            said = session.ended()
        levels = [line.split(",")[0] for line in said.splitlines() if line.startswith("EL")][-4:]
        assert levels == ["EL2", "EL3", "EL1", "EL0"], said
        for symbol in ("command_run", "vtpm_dispatch", "guest_main", "TPMLIB_Process"):
            assert f"{symbol} in section .text of" in said or f"{symbol} " in said
        assert len(board.tpm.random(8)) == 8


@NEEDS_GDB
@pytest.mark.emulator
def test_hil_debug_holds_a_board_before_its_first_instruction(tree: Path) -> None:
    done = run(
        *(tree, "debug", "qemu-virt", "--no-build", "--hold", "--"),
        *("-batch", "-ex", "print $pc", "-ex", "tbreak vtpm_service_init", "-ex", "continue", "-ex", "level"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "= (void (*)()) 0x0" in done.stdout
    assert "EL3, vtpm_service_init" in done.stdout


FAILING = """
def test_broken(monitor):
    assert monitor is None, "broken on purpose"
"""


@NEEDS_GDB
@pytest.mark.emulator
def test_a_failed_test_stops_in_gdb_with_its_board_alive(tree: Path) -> None:
    (tree / "test_broken.py").write_text(FAILING)
    typed = "level\nquit\n"
    done = run(tree, "run", "--board", "qemu-virt", "--no-build", "--no-linux", "--gdb", "test_broken.py", typed=typed)
    assert done.returncode == ExitCode.FINDINGS, done.stdout + done.stderr
    assert "broken on purpose" in done.stdout
    assert "EL2, " in done.stdout


def test_a_missing_gdb_is_one_sentence(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tree))
    with pytest.raises(MissingTool, match="is not on this machine") as caught:
        gdb.program()
    assert caught.value.message == "`gdb-multiarch` is not on this machine"
    assert "hil doctor --fix --with debugger" in caught.value.context.hint


def test_a_board_without_a_port_for_debuggers_says_what_its_file_lacks() -> None:
    class Bare:
        board = "bare"

    with pytest.raises(UsageError, match="bare has no port") as caught, debug_port(Target("bare"), Bare()):
        pass
    assert "OpenOCDDriver" in caught.value.context.hint


@attr.s(eq=False)
class Probe(Resource):  # type: ignore[misc]
    """A probe that no udev has to know."""

    path = "1-1"

    def wrap_command(self, command: list[str]) -> list[str]:
        return command


DUMMY = """
adapter driver dummy
adapter speed 1000
transport select jtag
jtag newtap board cpu -irlen 4
proc jtag_init {} { echo "the board's own file" }
"""
PROCESSOR = """
target create board.cpu mips_m4k -chain-position board.cpu
"""
"""One that OpenOCD takes for real without an adapter, of all that serve gdb."""


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """labgrid's driver for OpenOCD, with a configuration for its adapter without hardware."""
    (tmp_path / "board.cfg").write_text(DUMMY)
    target = Target("board")
    monkeypatch.setattr(OpenOCDDriver, "bindings", {"interface": Probe})
    Probe(target, "probe").avail = True  # type: ignore[call-arg]
    driver = OpenOCDDriver(target, "openocd", config=str(tmp_path / "board.cfg"))
    yield target
    target.deactivate(driver)


@pytest.mark.skipif(shutil.which("openocd") is None, reason="openocd is not here: hil doctor --fix --with debugger")
def test_openocd_takes_what_the_board_file_says_of_the_probe(probe: Target) -> None:
    """OpenOCD itself; a probe and a processor behind it have never been tried."""
    driver = probe.get_driver("OpenOCDDriver")
    command = [*openocd_command(driver, "disabled"), "--command", "init; shutdown"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "the board's own file" in done.stdout + done.stderr
    assert "clock speed 1000 kHz" in done.stderr


def test_gdb_starts_openocd_by_itself(probe: Target) -> None:
    class Bare:
        board = "board"

    with debug_port(probe, Bare()) as port:
        assert port.startswith("| openocd ")
        assert "gdb_port pipe" in port


@pytest.mark.skipif(shutil.which("openocd") is None, reason="openocd is not here: hil doctor --fix --with debugger")
def test_openocd_answers_each_debugger_at_the_port_that_it_was_told(probe: Target, tmp_path: Path) -> None:
    class Bare:
        board = "board"

    with (tmp_path / "board.cfg").open("a") as file:
        file.write(PROCESSOR)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with debug_port(probe, Bare(), tcp=port) as place:
        assert place == f"127.0.0.1:{port}"
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as debugger:
                debugger.sendall(b"+$qSupported#37")
                said = b""
                while b"PacketSize=" not in said:
                    said += (more := debugger.recv(4096))
                    assert more, "OpenOCD has ended"
        taken = pytest.raises(UsageError, match=f"port {port} cannot be used: Address already in use")
        with taken, debug_port(probe, Bare(), tcp=port):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
