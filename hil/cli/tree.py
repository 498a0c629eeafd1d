"""The tree that commands work in: its boards, suites, reports and firmware."""

from __future__ import annotations

import contextlib
import difflib
import os
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from hil.board.file.document import Document
from hil.errors import BoardFileError, UsageError
from hil.settings import FILE, Settings, uses_hil

if TYPE_CHECKING:
    from hil.record import Record

DEFAULT_BOARD = "qemu-virt"
EMULATOR = "emulator"
"""The kind of board that runs on this machine's processors."""
HARDWARE = "board"
"""The kind that is what it says."""


@dataclass(frozen=True, slots=True)
class BoardFile:
    """One file in `boards/`, as far as its text says."""

    path: Path
    kind: str
    description: str
    features: dict[str, str]
    images: dict[str, Path]
    tools: tuple[str, ...] = ()
    resources: tuple[tuple[str, dict[str, Any]], ...] = ()
    linux_board: str = ""
    """The same board with images that boot Linux, if it has a file of its own."""
    other_name: str = ""
    """Of the board file that describes the same piece of hardware, if that is another one."""

    @property
    def name(self) -> str:
        """The board's name: that of its file."""
        return self.path.stem

    @property
    def hardware(self) -> str:
        """What cannot be used twice at once: boards that differ in their images only have the same."""
        return self.other_name or self.name

    @property
    def remote(self) -> bool:
        """Whether it is at a place of a lab."""
        return "RemotePlace" in (kind for kind, _ in self.resources)

    @property
    def at_this_machine(self) -> bool:
        """Whether it is hardware that nobody lends."""
        return self.kind == HARDWARE and not self.remote

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Have the board to ourselves; of an emulator everybody has one. Raises `BoardUnavailable`."""
        from hil.lab.boards.hold import hold

        return hold(self.hardware) if self.at_this_machine else contextlib.nullcontext()


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout of ours, or a user's own repository, found from the directory that the user is in."""

    root: Path
    settings: Settings = field(default_factory=Settings)

    @classmethod
    def here(cls) -> Tree:
        """Return the tree around the current directory. Raises `UsageError` outside of one."""
        if tree := cls.here_or_none():
            return tree
        raise UsageError(
            f"{Path.cwd()} is not inside a tree with boards/ and pyproject.toml",
            hint="cd to it; in a repository of your own a table [tool.hil] in pyproject.toml makes one",
        )

    @classmethod
    def here_or_none(cls) -> Tree | None:
        """Return the tree around the current directory, for commands that also work outside of one."""
        here = Path.cwd()
        for directory in (here, *here.parents):
            if (directory / FILE).is_file() and (uses_hil(directory) or (directory / "boards").is_dir()):
                return cls(directory, Settings.of(directory))
        return None

    @property
    def reports(self) -> Path:
        """Where run directories are."""
        return self.root / self.settings.reports

    @property
    def board_files(self) -> Path:
        """Where board files are."""
        return self.root / self.settings.board_files

    def board_names(self) -> list[str]:
        """The names of all boards."""
        return sorted(path.stem for path in self.board_files.glob("*.yaml"))

    def board(self, name: str) -> BoardFile:
        """Return a board. Raises `UsageError` with the nearest names, or `BoardFileError`."""
        return self.board_at(self.board_path(name))

    def board_path(self, name: str) -> Path:
        """Return the file of a board. Raises `UsageError` with the nearest names."""
        names = self.board_names()
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3) or names
            raise UsageError(f"there is no board {name!r}", hint=" or ".join(near) or "hil new board NAME")
        return self.board_files / f"{name}.yaml"

    def board_at(self, path: Path) -> BoardFile:
        """Return the board of a file. Raises `BoardFileError`."""
        data = _read(path)
        main = next(iter((data.get("targets") or {}).values()), None) or {}
        options = data.get("options") or {}
        return BoardFile(
            path=path,
            kind=options.get("kind", ""),
            description=options.get("description", ""),
            features=_features(main.get("features") or {}),
            tools=tuple((data.get("tools") or {}).values()),
            resources=_resources(main.get("resources") or {}, {**os.environ, "BASE": str(path.parent)}),
            linux_board=options.get("linux_board", ""),
            other_name=options.get("hardware", ""),
            images={key: (path.parent / image).resolve() for key, image in (data.get("images") or {}).items()},
        )

    def order(self) -> list[str]:
        """Return the boards to choose from when nobody names one: `boards` of `[tool.hil]` in pyproject.toml, else all.

        Emulators come last where nobody said otherwise.
        """
        configured = list(self.settings.boards)
        return configured or sorted(self.board_names(), key=lambda name: self.board(name).kind == EMULATOR)

    def last_run(self, board: str) -> Record | None:
        """Return the record of the newest run on a board."""
        from hil.record import load
        from hil.record.run import LATEST

        with contextlib.suppress(UsageError):
            return load(self.reports / f"{LATEST}-{board}")
        return None


def _read(path: Path) -> dict[str, Any]:
    document = Document(path)
    if document.problems:
        raise BoardFileError("\n".join(problem.at(path) for problem in document.problems))
    return document.data


def _resources(
    section: dict[str, Any] | list[dict[str, Any]], variables: dict[str, str]
) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Class and attributes of each, in either of labgrid's forms, with variables put in."""
    entries = section if isinstance(section, list) else [{cls: attributes} for cls, attributes in section.items()]
    found = []
    for entry in entries:
        named = [(entry["cls"], entry)] if "cls" in entry else list(entry.items())
        for cls, attributes in named:
            filled = {
                key: Template(value).safe_substitute(variables) if isinstance(value, str) else value
                for key, value in (attributes or {}).items()
            }
            found.append((cls, filled))
    return tuple(found)


def _features(section: dict[str, str] | list[str]) -> dict[str, str]:
    return section if isinstance(section, dict) else dict.fromkeys(section, "")
