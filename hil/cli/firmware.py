"""`hil firmware`."""

from __future__ import annotations

from typing import Annotated

import typer

from hil.cli.output import print_line
from hil.cli.tree import Tree

LOCKS = ("", "linux", "linux/bench", "platform/rpi4", "platform/rpi4/linux")
"""Where there are lock files, below firmware/."""

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Look after the third-party parts of the firmware.")


@app.callback()
def group() -> None:
    """Keep `update` a command of its own, also while it is the only one."""


@app.command()
def update(
    write: Annotated[bool, typer.Option("--write", help="Take the proposals into the lock files.")] = False,
) -> None:
    """Ask the archives for newer versions of what the lock files in firmware/ pin, and propose them.

    Examples:
        hil firmware update

        hil firmware update --write
    """
    from hil.build.lock import read_lock, write_lock
    from hil.build.pins import propose, updated
    from hil.build.progress import Terminal

    firmware = Tree.here().root / "firmware"
    for path in (firmware / folder / "sources.lock" for folder in LOCKS):
        lock = read_lock(path)
        changes = [proposal for proposal in propose(lock, Terminal()) if proposal.changes]
        for change in changes:
            print_line(f"{change.old.package}: {change.old.version} -> {change.new.version} ({change.new.suite})")
        if not changes:
            print_line(f"{path}: every pin is the newest of its suite")
        elif write:
            write_lock(updated(lock, changes), path)
            print_line(f"written to {path}; build and test before you commit")
