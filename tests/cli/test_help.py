"""What the help says is true: its examples run, and what is said of a command is what the command says itself."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import typer
import typer.main

from hil.cli.commandline import app
from hil.cli.commands import SUMMARIES
from tests.cli.checkout import BOARD, Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = {
    "hil run -n 4 --no-build --json": "four emulators",
    "hil run --coverage suites/queue": "an emulator",
    "hil run --pool": "a lab",
    "hil run --board client=": "two emulators",
    "hil debug": "an emulator, and gdb",
    "hil build": "a build",
    "hil flash": "hardware",
    "hil boards --watch": "somebody who ends it",
    "hil console": "a terminal",
    "hil bringup": "a board that boots",
    "hil bisect": "a firmware with a history",
    "hil bench": "emulators",
    "hil doctor": "the whole machine",
    "hil firmware": "package archives",
    "hil lab": "a lab",
    "LG_COORDINATOR=": "a lab",
    "hil tpm": "an emulator",
    "hil report --merge": "shards of a run",
    "hil report --serve": "somebody who ends it",
}
"""Examples, by their beginnings, that take what no small tree has. They are parsed here, and run by other tests."""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its full name."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inside = getattr(command, "commands", None)
        yield from [(f"{name} {key}", command) for key, command in inside.items()] if inside else [(name, command)]


def examples() -> list[str]:
    """Return all examples of all commands."""
    texts = ((command.help or "").partition("Example")[2] for _, command in commands())
    return [line.strip() for text in texts for line in text.splitlines() if re.match(r" +(\w+=\S+ )?hil ", line)]


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_summary_of_a_command_is_how_its_own_help_begins(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert (command.help or "").replace("\n", " ").startswith(SUMMARIES[name].rstrip("."))


def test_every_command_has_an_example() -> None:
    told = examples()
    for name, _ in commands():
        assert any(re.match(rf"(\S+=\S+ )?hil {name}\b", example) for example in told), name


@pytest.mark.parametrize("example", examples())
def test_an_example_can_be_parsed(example: str) -> None:
    for line in example.split(" && "):
        words = [word for word in shlex.split(line) if not re.match(r"[A-Z_]+=", word)]
        command, arguments = typer.main.get_command(app), words[1:]
        while inside := getattr(command, "commands", None):
            command, *arguments = inside[arguments[0]], *arguments[1:]
        command.make_context(words[1], arguments)


def test_examples_that_cannot_run_here_are_all_there() -> None:
    told = examples()
    assert [begin for begin in ELSEWHERE if not any(begin in example for example in told)] == []


def test_all_other_examples_run_in_a_small_tree(checkout: Checkout) -> None:
    boards = checkout.path / "boards"
    for name in ("qemu-virt", "qemu-virt-linux", "rpi4-twin"):
        (boards / f"{name}.yaml").write_text(BOARD + "images: {flash: ../build/qemu-virt/flash.bin}\n")
    (boards / "fake-board.yaml").unlink()
    for subject, test in (("tpm", "quote"), ("boot", "boot")):
        (checkout.path / "suites" / subject).mkdir()
        (checkout.path / "suites" / subject / f"test_{test}.py").write_text(f"def test_{test}(board): pass\n")
    (checkout.path / "build" / "qemu-virt").mkdir(parents=True)
    (checkout.path / "build" / "qemu-virt" / "flash.bin").touch()
    for example in examples():
        if any(example.startswith(begin) for begin in ELSEWHERE):
            continue
        done = checkout.hil(*shlex.split(example)[1:])
        assert done.returncode == 0, f"{example}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
