"""`hil firmware`."""

from __future__ import annotations

from typing import Annotated

import typer

from hil.cli.output import print_json, print_line
from hil.cli.tree import Tree

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Look after the third-party parts of the firmware.")


@app.callback()
def group() -> None:
    """Keep `update` a command of its own, also while it is the only one."""


@app.command()
def update(
    write: Annotated[bool, typer.Option("--write", help="Take the proposals into the lock files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Ask the archives for newer versions of what the lock files in firmware/ pin, and propose them.

    Examples:
        hil firmware update

        hil firmware update --write
    """
    from hil.firmware.lock import lock_files, read_lock, write_lock
    from hil.firmware.pins import propose, updated
    from hil.progress import Terminal

    firmware = Tree.here().root / "firmware"
    found = []
    for path in lock_files(firmware):
        lock = read_lock(path)
        changes = [proposal for proposal in propose(lock, Terminal()) if proposal.changes]
        for change in changes:
            old, new = change.old, change.new
            found.append(
                {"lock": str(path), "package": old.package, "old": old.version, "new": new.version, "suite": new.suite}
            )
        if changes and write:
            write_lock(updated(lock, changes), path)
    if as_json:
        print_json(found)
        return
    for one in found:
        print_line(f"{one['package']}: {one['old']} -> {one['new']} ({one['suite']})")
    if not found:
        print_line("every pin is the newest of its suite")
    for name in dict.fromkeys(one["lock"] for one in found) if write else ():
        print_line(f"written to {name}; build and test before you commit")
