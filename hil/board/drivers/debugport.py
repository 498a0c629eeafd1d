"""Where a debugger reaches a board: the emulator's own server, or OpenOCD at a probe that is plugged in."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.errors import MissingTool, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labgrid import Target

OPENOCD = "OpenOCDDriver"
"""labgrid's driver: its probe, configuration files and commands are what the board file says of debugging."""
LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def debug_port(target: Target, board: Any, *, tcp: int | None = None) -> Iterator[str]:
    """Yield what gdb's command `target remote` takes for a running board.

    `board` is the driver of the board, and `tcp` a port of this machine's loopback, for debuggers that can use nothing
    else. Afterwards the board runs on. Raises `UsageError` for a board without a port for debuggers.
    """
    if serves := getattr(board, "debug_server", None):
        with tempfile.TemporaryDirectory(prefix="hil-gdb-") as directory:
            place = f"{LOOPBACK}:{tcp}" if tcp else str(Path(directory) / "gdb")
            with serves(f"tcp:{place}" if tcp else f"unix:{place},server=on,wait=off"):
                yield place
        return
    driver = next((known for known in target.drivers if type(known).__name__ == OPENOCD), None)
    if driver is None:
        raise UsageError(
            f"{board.board} has no port for a debugger",
            hint=f"a USBDebugger among its resources and an {OPENOCD} among its drivers (docs/debugging.md)",
        )
    target.activate(driver)
    command = driver.interface.wrap_command(openocd_command(driver, "pipe"))
    if not tcp:
        yield f"| {shlex.join(command)}"
        return
    with _started_for_debuggers(command, tcp):
        yield f"{LOOPBACK}:{tcp}"


@contextlib.contextmanager
def _started_for_debuggers(command: list[str], port: int) -> Iterator[None]:
    """Listen at a port of this machine, and start OpenOCD for each debugger that connects, one after the other.

    OpenOCD does not listen itself, because it runs at the exporter if the probe is there. What it says of probe and
    processor goes to the terminal. Raises `UsageError` if the port is not free, or OpenOCD is not there.
    """
    if shutil.which(command[0]) is None:
        raise MissingTool(f"`{command[0]}` is not on this machine", hint="hil doctor --fix --with debugger")
    try:
        server = socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise UsageError(f"port {port} cannot be used: {error.strerror}", hint="name another port") from error
    started: list[subprocess.Popen[bytes]] = []
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                debugger, _ = server.accept()
            except OSError:  # the server is closed
                return
            with debugger:
                started.append(subprocess.Popen(command, stdin=debugger.fileno(), stdout=debugger.fileno()))
            if ended.is_set():
                started[-1].terminate()
            started[-1].wait()

    thread = threading.Thread(target=serve, name="openocd", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # which ends `accept`
        server.close()
        for openocd in started[-1:]:
            openocd.terminate()
        thread.join()


def openocd_command(driver: Any, port: str) -> list[str]:
    """Return the command that serves gdb at `port` with all that labgrid's driver knows of the probe and the board.

    The driver itself can only run OpenOCD to its end. `pipe` is OpenOCD's standard input and output.
    """
    from labgrid.util.managedfile import ManagedFile

    words = [driver.tool, *(word for path in driver.search for word in ("--search", path))]
    words += driver._get_usb_path_cmd()
    files = [*(f"interface/{driver.interface_config}",) * bool(driver.interface_config)]
    files += [*(f"board/{driver.board_config}",) * bool(driver.board_config)]
    for config in driver.config:
        managed = ManagedFile(config, driver.interface)
        managed.sync_to_resource()
        files.append(managed.get_remote_path())
    words += [word for file in files for word in ("--file", file)]
    commands = ("bindto 127.0.0.1", "tcl_port disabled", "telnet_port disabled", f"gdb_port {port}")
    return [*words, *(word for command in commands for word in ("--command", command))]
