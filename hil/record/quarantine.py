"""The quarantine: tests that are known not to be well, and for a while do not decide the verdict of a run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from hil.errors import UsageError
from hil.record import Quarantine
from hil.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "quarantine.toml"
"""Where it is, beside the board files, when `[tool.hil]` does not say otherwise."""
TABLE = "quarantine"
NEEDED = ("test", "owner", "reason")


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One table of the file, which begins there at `line`.

    `test` is a pattern of pytest's ids, with `*` and `?`; so is `board`, of names of boards.
    """

    file: Path
    line: int
    test: str
    board: str
    why: Quarantine

    def is_about(self, board: str) -> bool:
        """Whether it holds on a board."""
        return fnmatchcase(board, self.board)

    def matches(self, id: str) -> bool:
        """Whether a test is in quarantine; a pattern without `::` means whole files."""
        return _fits(id, self.test) or ("::" not in self.test and self.is_in(id.partition("::")[0]))

    def is_in(self, path: str) -> bool:
        """Whether tests in a file, relative to the root of the tree, may be meant."""
        return _fits(path, self.test.partition("::")[0])

    def refused(self, why: str, hint: str = "") -> UsageError:
        """Return the error that says where the entry is and what is wrong with it."""
        return _refused(self.file, self.line, f"{self.test}: {why}", hint)


def of_tree(root: Path) -> tuple[QuarantineEntry, ...]:
    """Return the entries of the tree at `root`. Raises `UsageError` as `read` does."""
    settings = Settings.from_directory(root)
    boards = root / settings.board_files
    return read(
        root / settings.quarantine if settings.quarantine else boards / FILE,
        [file.stem for file in boards.glob("*.yaml")],
    )


def read(file: Path, boards: Iterable[str] = (), today: date | None = None) -> tuple[QuarantineEntry, ...]:
    """Return the entries of `file`, none if there is no such file.

    Raises `UsageError` with file and line for what is malformed, expired, or about none of `boards` where these are
    known. `today` is in UTC.
    """
    try:
        text = file.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: the quarantine cannot be read: {error}") from None
    if others := sorted(set(data) - {TABLE}):
        raise UsageError(f"{file}: `{others[0]}` is not known here", hint=f"every entry is a table [[{TABLE}]]")
    tables = data.get(TABLE, [])
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.replace(" ", "").startswith("[[")]
    if not (isinstance(tables, list) and len(tables) == len(lines)):
        raise UsageError(f"{file}: `{TABLE}` is no list of tables", hint=f"every entry is a table [[{TABLE}]]")
    known = tuple(boards)
    now = today or datetime.now(UTC).date()
    return tuple(_entry(file, line, table, known, now) for line, table in zip(lines, tables, strict=True))


def _fits(text: str, pattern: str) -> bool:
    """Match with `*` and `?`; brackets, which parameters of tests have, are no pattern."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _entry(file: Path, line: int, table: dict[str, Any], boards: tuple[str, ...], today: date) -> QuarantineEntry:
    if unknown := sorted(set(table) - {*NEEDED, "expires", "board"}):
        raise _refused(file, line, f"an entry has no key `{unknown[0]}`", f"{', '.join(NEEDED)}, expires, board")
    for key in (*NEEDED, "board"):
        value = table.get(key, "*" if key == "board" else None)
        if not (isinstance(value, str) and value.strip()):
            raise _refused(file, line, f"`{key}` is missing, or no text")
    expires = table.get("expires")
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise _refused(file, line, "`expires` is missing, or no date", "expires = 2026-12-31, without quotes")
    why = Quarantine(table["owner"], table["reason"], expires.isoformat())
    entry = QuarantineEntry(file, line, table["test"], table.get("board", "*"), why)
    if expires < today:
        raise entry.refused(f"expired on {expires}", f"{why.owner} mends the test, or says why it takes longer")
    if boards and not any(entry.is_about(board) for board in boards):
        raise entry.refused(f"there is no board {entry.board}", f"boards: {', '.join(sorted(boards))}")
    return entry


def _refused(file: Path, line: int, why: str, hint: str = "") -> UsageError:
    return UsageError(f"{file}:{line}: {why}", doing="reading the quarantine", hint=hint)
