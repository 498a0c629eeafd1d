"""`hil doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from hil.errors import ExitCode

if TYPE_CHECKING:
    from hil.operations.doctor.check import Check


def command(
    fix: Annotated[bool, typer.Option("--fix", help="Install what is missing, as root or by sudo.")] = False,
    more: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="WHAT", help="Also what only some need: debugger (gdb-multiarch and openocd)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Report what this machine lacks for building and testing, and how to install it.

    Examples:
        hil doctor

        hil doctor --fix

        hil doctor --fix --with debugger

        hil doctor --json
    """
    from hil.operations.doctor.check import checks
    from hil.operations.doctor.repair import repair
    from hil.progress import Terminal

    found = checks(more or ())
    if fix and (failed := [check for check in found if not check.ok and not check.optional]):
        repair(failed, Terminal())
        found = checks(more or ())
    if as_json:
        typer.echo(json.dumps({"ok": _works(found), "checks": [asdict(check) for check in found]}, indent=2))
    else:
        _print(found)
    if not _works(found):
        raise typer.Exit(ExitCode.USAGE)


def _works(found: list[Check]) -> bool:
    return all(check.ok or check.optional for check in found)


def _print(found: list[Check]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for check in found:
        if check.ok:
            console.print(f"[green]ok[/]      {escape(check.name)}: {escape(check.found)}")
        else:
            mark = "[yellow]boards[/] " if check.optional else "[red]missing[/]"
            console.print(f"{mark} {escape(check.name)}: {escape(check.found)}; wanted: {escape(check.wanted)}")
            console.print(f"        try: {escape(check.remedy)}")
    passed = sum(check.ok for check in found)
    console.print(f"{passed} of {len(found)} checks passed" + ("" if _works(found) else "; try: hil doctor --fix"))
