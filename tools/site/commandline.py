"""The command line as a page, from the commands themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer
import typer.main

from hil.cli.commandline import app
from hil.cli.commands import EXIT_CODES
from tools.site.markup import code_block, escaped, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "hil"
EXAMPLES = re.compile(r"^Examples?:", re.MULTILINE)


def page() -> str:
    """Return Markdown about every command with its options and examples."""
    parts = [f"# Command line\n\n`{PROGRAM} COMMAND --help` says the same in a terminal. {EXIT_CODES}"]
    parts += [_section(name, command) for name, command in _commands(PROGRAM, typer.main.get_command(app))]
    return "\n\n".join(parts) + "\n"


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield the commands that do something, with the groups they are in before their names."""
    inside = getattr(command, "commands", None)
    if inside is None:
        yield name, command
    else:
        for key, below in sorted(inside.items()):
            if not below.hidden:
                yield from _commands(f"{name} {key}", below)


def _section(name: str, command: Any) -> str:
    context = typer.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    text, examples = _help(command.help or "")
    records = [parameter.get_help_record(context) for parameter in command.params if not parameter.hidden]
    rows = [(f"`{option}`", escaped(meaning)) for option, meaning in filter(None, records)]
    parts = [f"## {name}", text, code_block(usage), table(("option", "meaning"), rows), code_block(*examples)]
    return "\n\n".join(part for part in parts if part)


def _help(text: str) -> tuple[str, list[str]]:
    """Split a docstring into what it says and its examples, which are commands."""
    said, _, examples = EXAMPLES.sub("\0", text, count=1).partition("\0")
    commands = [line.strip() for line in re.split(r"; |;?\n", examples)]
    return said.strip(), [line for line in commands if line]
