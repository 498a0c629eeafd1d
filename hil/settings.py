"""The table `[tool.hil]` in pyproject.toml: where a tree keeps what hil works with."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.errors import UsageError

FILE = "pyproject.toml"
TABLE = "[tool.hil]"
KEYS = {
    "boards": "boards in the order in which `hil run` tries them (default: all, emulators last)",
    "board-files": "the folder of the board files (default: boards)",
    "suites": "the folder that `hil run` runs when nothing else is named (default: suites)",
    "reports": "the folder of the records of runs (default: reports)",
    "quarantine": "the file of tests that do not decide the verdict (default: quarantine.toml beside the board files)",
    "requirements": "the file of what tests are to show (default: requirements.toml beside the board files)",
}
"""Each key of the table, and what it means."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the table says. Paths are relative to the root of the tree."""

    boards: tuple[str, ...] = ()
    board_files: Path = Path("boards")
    suites: Path = Path("suites")
    reports: Path = Path("reports")
    quarantine: Path | None = None
    requirements: Path | None = None

    @classmethod
    def from_directory(cls, root: Path) -> Settings:
        """Read the table of the tree at `root`; without one all is as ever. Raises `UsageError` that names the key."""
        file = root / FILE
        try:
            text = file.read_text(encoding="utf-8")
            table = tomllib.loads(text).get("tool", {}).get("hil", {})
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from None
        return cls(**{name.replace("-", "_"): _value(file, name, value) for name, value in table.items()})


def uses_hil(root: Path) -> bool:
    """Whether the tree at `root` has the table."""
    try:
        return TABLE.removesuffix("]") in (root / FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _value(file: Path, name: str, value: Any) -> Any:
    if name not in KEYS:
        near = difflib.get_close_matches(name, KEYS, n=1) or list(KEYS)
        raise UsageError(f"{file}: {TABLE} has no key `{name}`", hint=" or ".join(f"`{key}`" for key in near))
    if name == "boards":
        if not (isinstance(value, list) and all(isinstance(board, str) for board in value)):
            raise UsageError(f"{file}: `boards` of {TABLE} is no list of names: {value!r}")
        return tuple(value)
    if not (isinstance(value, str) and value):
        raise UsageError(f"{file}: `{name}` of {TABLE} is no path: {value!r}")
    return Path(value)
