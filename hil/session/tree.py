"""The tree that commands work in: its boards, suites, reports and firmware."""

from __future__ import annotations

import argparse
import contextlib
import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil.board.file.boardfile import BoardFile
from hil.board.file.placeholders import refuse_unfilled
from hil.errors import UsageError
from hil.settings import FILE, Settings, uses_hil

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.record import Record

DEFAULT_BOARD = "qemu-virt"


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
                return cls(directory, Settings.from_directory(directory))
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
        """Return a board to use. Raises `UsageError` with the nearest names, or `BoardFileError`.

        A file with values that its user has not filled in describes no board yet.
        """
        path = self.board_path(name)
        refuse_unfilled(path)
        return BoardFile.read(path)

    def described(self, name: str) -> BoardFile:
        """Return a board to tell about, also one whose file is not filled in."""
        return BoardFile.read(self.board_path(name))

    def board_path(self, name: str) -> Path:
        """Return the file of a board. Raises `UsageError` with the nearest names."""
        names = self.board_names()
        if name not in names:
            if not names:
                raise UsageError(f"there is no board in {self.board_files}", hint="hil new board NAME")
            near = difflib.get_close_matches(name, names, n=3) or names
            raise UsageError(f"there is no board {name!r}", hint=" or ".join(near))
        return self.board_files / f"{name}.yaml"

    def order(self) -> list[str]:
        """Return the boards to choose from when nobody names one: `boards` of `[tool.hil]` in pyproject.toml, else all.

        Raises `UsageError` if there is none.
        """
        from hil.lab.boards.choice import order

        return order(self.board_files, self.settings.boards)

    def last_run(self, board: str) -> Record | None:
        """Return the record of the newest run on a board."""
        from hil.record import load
        from hil.record.run import LATEST

        with contextlib.suppress(UsageError):
            return load(self.reports / f"{LATEST}-{board}")
        return None


def record_options(arguments: Sequence[str], root: Path) -> tuple[Path, str]:
    """Return the directory for run directories, and the label, as options of pytest among `arguments` have them."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--hil-reports", type=Path, default=root / Settings.from_directory(root).reports)
    parser.add_argument("--hil-label", default="")
    found = parser.parse_known_args(arguments)[0]
    return found.hil_reports.absolute(), found.hil_label
