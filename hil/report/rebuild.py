"""The reports of a run, made anew from the directory of its record: nothing else is asked, so it may be a copy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.files import write_atomically
from hil.record import attach, load
from hil.report.attached import BENCH_FILE
from hil.report.consolepage import write_consoles
from hil.report.html import html, write_html
from hil.report.junit import junit, write_junit
from hil.report.markdown import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.record import Record


def add_bench(directory: Path, figures: Mapping[str, Any]) -> None:
    """Put the figures of a bench, as JSON has them, into the record of a run that ended, and on its page."""
    write_atomically(directory / BENCH_FILE, (json.dumps(figures) + "\n").encode())
    attach(directory, BENCH_FILE)
    write_html(load(directory), directory)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The record of a run in `directory`."""

    directory: Path
    record: Record

    @classmethod
    def from_directory(cls, directory: Path) -> Rebuilt:
        """Read the record in `directory`; of a run that was killed, what its events tell. Raises `UsageError`."""
        return cls(directory, load(directory))

    def junit(self) -> bytes:
        """Return the JUnit document, as the run wrote it."""
        return junit(self.record, self.directory)

    def markdown(self, place: str) -> bytes:
        """Return a summary in Markdown; `place` is what it calls the directory."""
        return markdown(self.record, place).encode()

    def write(self) -> None:
        """Replace the reports in the directory, as the run wrote them."""
        write_junit(self.record, self.directory)
        write_consoles(self.record, self.directory)
        write_html(self.record, self.directory)

    def html(self) -> bytes:
        """Return the page, as the run wrote it."""
        return html(self.record, self.directory).encode()
