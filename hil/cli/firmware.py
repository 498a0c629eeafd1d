"""`hil firmware`."""

from __future__ import annotations

from typing import Annotated

import typer

from hil.cli.output import print_json, print_line
from hil.session.tree import Tree

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Update the third-party parts of the firmware.")


@app.callback()
def group() -> None:
    """Make `update` a sub-command: without this callback, typer merges a single command into its group."""


@app.command()
def update(
    write: Annotated[bool, typer.Option("--write", help="Write the newer versions into the lock files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Look for newer versions of the packages that the lock files in firmware/ and examples/ pin, and propose them.

    Examples:
        hil firmware update

        hil firmware update --write
    """
    from hil.firmware.lock import lock_files, read_lock, write_lock
    from hil.firmware.pins import propose, updated
    from hil.progress import Terminal

    found = []
    for path in lock_files(Tree.here().root):
        lock = read_lock(path)
        changes = [proposal for proposal in propose(lock, Terminal()) if proposal.changes]
        for proposal in changes:
            old, new = proposal.old, proposal.new
            found.append(
                {"lock": str(path), "package": old.package, "old": old.version, "new": new.version, "suite": new.suite}
            )
        if changes and write:
            write_lock(updated(lock, changes), path)
    if as_json:
        print_json(found)
        return
    for change in found:
        print_line(f"{change['package']}: {change['old']} -> {change['new']} ({change['suite']})")
    if not found:
        print_line("every pinned version is the newest of its suite")
    for name in dict.fromkeys(change["lock"] for change in found) if write else ():
        print_line(f"written to {name}; build and test before you commit")
