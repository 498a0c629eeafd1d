"""Keeps files, pictures and figures of a test: in the directory of the run, named in its reports."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil.errors import RecordFailed, UsageError
from hil.record import Attachment
from hil.record.run import MAKE_SPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.session.plugin.progress import CaseProgress

    Keep = Callable[[str, "Data"], Path | None]

FOLDER = "attachments"
MOST_BYTES = 4 * 1024 * 1024
"""The largest file that a test may keep. A longer text loses its middle; anything else would be broken by a cut."""
MOST_FILES = 50
"""How many files an attempt of a test may keep."""
Data = bytes | bytearray | str | Path | dict[str, Any] | list[Any] | int | float
"""What can be kept: bytes, text, a file that is there already, or figures, which become JSON."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 80


class Keeper:
    """Writes the attachments of the running test below `directory`, which is in that of the run `root`."""

    def __init__(self, root: Path, directory: Path) -> None:
        self._root = root
        self._directory = directory

    def keep(self, test: CaseProgress, name: str, data: Data) -> Path | None:
        """Keep `data`; returns the file, or None if it was not kept, which the record says.

        Raises `UsageError` for what cannot be kept, and `RecordFailed` when nothing can be written.
        """
        content, suffix = _content(name, data)
        kept = test.now.attachments
        if len(kept) >= MOST_FILES:
            if len(kept) == MOST_FILES:
                kept.append(
                    Attachment(name, "", 0, f"not kept, nor any later one: {MOST_FILES} files are there already")
                )
            return None
        bounded, note = _bounded(content, is_text=isinstance(data, str))
        if bounded is None:
            kept.append(Attachment(name, "", 0, note))
            return None
        try:
            file = self._free(test.id, f"{name}{suffix}")
            file.write_bytes(bounded)
        except OSError as error:
            raise RecordFailed(f"the attachment {name} cannot be written: {error.strerror}", hint=MAKE_SPACE) from error
        kept.append(Attachment(name, file.relative_to(self._root).as_posix(), len(bounded), note))
        return file

    def _free(self, id: str, name: str) -> Path:
        """Return a file that is not there yet, in a folder of the test."""
        folder = self._directory / FOLDER / _safe(id.rpartition("/")[2])
        folder.mkdir(parents=True, exist_ok=True)
        wanted = folder / _safe(name)
        number = 1
        file = wanted
        while file.exists():
            number += 1
            file = wanted.with_stem(f"{wanted.stem}-{number}")
        return file


def attach(name: str, data: Data) -> Path | None:
    """Keep `data` with the test that is running, under `name`: the page, JUnit and the record show it.

    `data` is bytes, text, the path of a file, or figures: a number, a list or a dictionary, which are kept as JSON.
    Returns the file that was written; None without a record, and if it was not kept because it was too large: the
    record says so.
    """
    if _running is None:
        return None
    return _running(name, data)


@pytest.fixture(name="attach")
def attach_fixture() -> Callable[[str, Data], Path | None]:
    """Keep a file, a picture or figures of the test: `attach(name, data)`; see `hil.fixtures.attach`."""
    return attach


_running: Callable[[str, Data], Path | None] | None = None


def direct_to(keep: Callable[[str, Data], Path | None] | None) -> None:
    """Have `attach` call `keep`, or with None keep nothing."""
    global _running
    _running = keep


def _content(name: str, data: Data) -> tuple[bytes, str]:
    """Return what to write, and what to add to the name."""
    if not name or not isinstance(name, str):
        raise UsageError("an attachment needs a name", hint='attach("boot.png", picture)')
    match data:
        case bytes() | bytearray():
            return bytes(data), ""
        case str():
            return data.encode(errors="surrogateescape"), "" if Path(name).suffix else ".txt"
        case Path():
            try:
                return data.read_bytes(), "" if Path(name).suffix else data.suffix
            except OSError as error:
                raise UsageError(f"the attachment {name} cannot be read: {data}: {error.strerror}") from error
    try:
        return json.dumps(data, indent=1).encode(), "" if Path(name).suffix else ".json"
    except (TypeError, ValueError) as error:
        kind = type(data).__name__
        raise UsageError(
            f"the attachment {name} is a {kind}, which cannot be kept: {error}",
            hint="attach bytes, text, a path, or figures that JSON can hold",
        ) from error


def _bounded(content: bytes, *, is_text: bool) -> tuple[bytes | None, str]:
    if len(content) <= MOST_BYTES:
        return content, ""
    if not is_text:
        return None, f"not kept: it has {len(content)} bytes, {MOST_BYTES} are allowed"
    half = MOST_BYTES // 2
    left_out = len(content) - 2 * half
    cut = f"\n[... {left_out} bytes are left out ...]\n".encode()
    return content[:half] + cut + content[-half:], f"cut: {left_out} bytes in the middle are left out"


def _safe(name: str) -> str:
    """Return a name that every file system takes, and that leads nowhere else."""
    safe = _NOT_IN_NAMES.sub("-", name).strip(".-") or "file"
    if len(safe) <= _LONGEST_NAME:
        return safe
    path = Path(safe)
    return f"{path.stem[: _LONGEST_NAME - len(path.suffix)]}{path.suffix}"
