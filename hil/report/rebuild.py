"""The reports of a run, made anew from the directory of its record: nothing else is asked, so it may be a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.record import load
from hil.report.html import html
from hil.report.junit import junit

if TYPE_CHECKING:
    from pathlib import Path

    from hil.record import Record


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The record of a run in `directory`."""

    directory: Path
    record: Record

    @classmethod
    def of(cls, directory: Path) -> Rebuilt:
        """Read the record in `directory`; of a run that was killed, what its events tell. Raises `UsageError`."""
        return cls(directory, load(directory))

    def junit(self) -> bytes:
        """Return the JUnit document, as the run wrote it."""
        return junit(self.record)

    def html(self) -> bytes:
        """Return the page, as the run wrote it."""
        return html(self.record, self.directory).encode()
