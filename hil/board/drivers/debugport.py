"""Where a debugger reaches a board: the emulator's own server, or OpenOCD at a probe that is plugged in."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labgrid import Target

OPENOCD = "OpenOCDDriver"
"""labgrid's driver: its probe, configuration files and commands are what the board file says of debugging."""


@contextlib.contextmanager
def debug_port(target: Target, board: Any, *, tcp: int | None = None) -> Iterator[str]:
    """Yield what gdb's command `target remote` takes for a running board.

    `board` is the driver of the board, and `tcp` a port of this machine's loopback, for debuggers that can use nothing
    else. Afterwards the board runs on. Raises `UsageError` for a board without a port for debuggers.
    """
    if serves := getattr(board, "debug_server", None):
        with tempfile.TemporaryDirectory(prefix="hil-gdb-") as directory:
            place = f"127.0.0.1:{tcp}" if tcp else str(Path(directory) / "gdb")
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
    command = driver.interface.wrap_command(openocd_command(driver, str(tcp) if tcp else "pipe"))
    if not tcp:
        yield f"| {shlex.join(command)}"
        return
    # What OpenOCD says of probe and processor is for whoever connects a debugger, so it goes to the terminal.
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as openocd:
        try:
            yield f"127.0.0.1:{tcp}"
        finally:
            openocd.terminate()


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
