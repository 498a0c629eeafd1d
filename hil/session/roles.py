"""Several boards of one test, by their roles: `client=qemu-virt`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.record.transcript import Transcript, TranscriptSink

OPTION = "--hil-role"
_POOL = re.compile(r"(?P<role>[a-z][a-z0-9_]*):(?P<tags>.*)")
_ROLE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Role:
    """A role in a test, and the file of the board that has it."""

    name: str
    board_file: Path

    @property
    def board(self) -> str:
        """The name of the board."""
        return self.board_file.stem

    @property
    def option(self) -> str:
        """The option of pytest that gives the role to the board."""
        return f"{OPTION}={self.name}={self.board_file}"

    @classmethod
    def parse(cls, text: str) -> Role:
        """Return the role that an option gives to a board file. Raises `UsageError`."""
        name, file = split(text)
        return cls(name, Path(file))

    def __str__(self) -> str:
        return f"{self.name} ({self.board})"


def split(text: str) -> tuple[str, str]:
    """Return role and board of an option such as `client=qemu-virt`. Raises `UsageError`."""
    name, _, board = text.partition("=")
    if not (_ROLE.fullmatch(name) and board):
        raise UsageError(f"{text!r} gives no role to a board", hint="--board client=NAME --board server=NAME")
    return name, board


def split_pool(text: str) -> tuple[str, str]:
    """Return role and tags of an option such as `client:board=rpi4`; the role is empty if there is none."""
    found = _POOL.fullmatch(text)
    return (found["role"], found["tags"]) if found else ("", text)


def refuse_doubles(names: Iterable[str]) -> None:
    """Raise `UsageError` for a role that two boards have, or one that is alone."""
    known = [*names]
    if double := next((name for name in known if known.count(name) > 1), ""):
        raise UsageError(f"two boards have the role {double}", hint="a name of its own for each: --board other=NAME")


def name_of(boards: Sequence[str]) -> str:
    """Return what reports call boards that are used together."""
    return "+".join(boards)


@dataclass(frozen=True, slots=True)
class RoleSink:
    """Gives transcripts of a board the names of its role, so that two boards of one name are told apart."""

    sink: TranscriptSink
    directory: str
    role: str

    def transcript(self, board: str, uart: str) -> Transcript:  # noqa: ARG002 - all are in one directory
        """Return a new transcript of a serial line."""
        return self.sink.transcript(self.directory, f"{self.role}.{uart}")
