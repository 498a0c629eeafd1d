"""`hil bench`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from hil.cli.output import console, print_json
from hil.cli.run import bring_up_to_date
from hil.cli.tree import DEFAULT_BOARD, Tree
from hil.errors import UsageError

WITH_MONITOR = ("framework", "instructions")
WITH_LINUX = ("ssh",)
"""What can be measured on a board that boots into the monitor, and into Linux."""


def command(
    parts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PART]...", help="framework, instructions; ssh (default: all the board can)."),
    ] = None,
    board: Annotated[str, typer.Option(help="An emulated board of boards/.")] = DEFAULT_BOARD,
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and samples as JSON.")] = False,
) -> None:
    """Measure framework and service: ratios in one run, and exact instruction counts.

    Examples:
        hil bench

        hil bench instructions --json

        hil bench ssh --board qemu-virt-linux
    """
    from hil.bench import framework, instructions, ssh, table

    chosen = Tree.here().board(board)
    if "flash" not in chosen.images:
        raise UsageError(f"{board} has no `flash` image; the bench needs an emulated board", hint="--board qemu-virt")
    possible = WITH_LINUX if "linux" in chosen.features else WITH_MONITOR
    wanted = parts or possible
    for part in wanted:
        if part not in possible:
            raise UsageError(f"there is no bench {part!r} on {board}", hint=" or ".join(possible))
    if build:
        bring_up_to_date(chosen)
    errors = Console(stderr=True, highlight=False)
    sections = []
    with errors.status("measuring") as status:

        def note(text: str) -> None:
            status.update(f"measuring: {text}")
            if not errors.is_terminal:
                print(f"measuring: {text}", file=sys.stderr)

        if "framework" in wanted:
            sections.append(framework.measure(chosen.path, chosen.images["flash"], note))
        if "instructions" in wanted:
            sections.extend(instructions.measure(chosen.path, note))
        if "ssh" in wanted:
            sections.append(ssh.measure(chosen.path, note))
    if as_json:
        print_json(table.as_json(sections))
    else:
        table.show(sections, console())
