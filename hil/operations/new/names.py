"""Names for new boards and suites, and files that are never overwritten."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST = 64


def check_name(what: str, name: str) -> None:
    """Raise `UsageError` for a name that is not usable in files, tests and reports."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"{name!r} is not a valid name for a {what}",
            hint=f"small letters, digits and hyphens, at most {LONGEST} characters",
        )


def write_new(path: Path, text: str) -> None:
    """Write a new file. Raises `UsageError` if it exists or cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists already", hint="choose another name, or remove it first") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
