"""`hil firmware`."""

from __future__ import annotations

from typing import Annotated

import typer

from hil.cli.output import from_here, print_json, print_line
from hil.session.tree import Tree

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Third-party parts of the firmware: update, fetch.")


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


@app.command()
def fetch(
    package: Annotated[str, typer.Argument(help="A package that a lock file pins.")],
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files of the package, from its root.")],
) -> None:
    """Copy files of a pinned package to firmware/; it is downloaded and verified if it is not in the cache.

    Example:
        hil firmware fetch u-boot-qemu usr/lib/u-boot/qemu_arm64/u-boot.bin
    """
    from hil.files import write_atomically
    from hil.firmware.pinnedpackages import pinned

    firmware = Tree.here().root / "firmware"
    (found,) = pinned(package)
    for name in files:
        source = found.file(name.lstrip("/"))
        firmware.mkdir(exist_ok=True)
        target = firmware / source.name
        write_atomically(target, source.read_bytes())
        print_line(f"{from_here(target)}: of {found.name} {found.version}")
