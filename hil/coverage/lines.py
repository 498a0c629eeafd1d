"""Converts counters to lines by gcov, and sums them over objects, boards and builds."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.errors import InfrastructureError
from hil.firmware.crossmake import COMPILER_PREFIX
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.coverage.notes import Notes

GCOV = f"{COMPILER_PREFIX}gcov"
GCOV_SECONDS = 120.0

LAID_OVER = "services/spd/vtpm/"
"""The service's directory in TF-A's tree, where the build copies it; other sources belong to TF-A."""
SOURCES = "firmware/service/"


@dataclass(slots=True)
class SourceFile:
    """How often each line with code ran; the first line of each function, and its calls."""

    lines: Counter[int] = field(default_factory=Counter)
    functions: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def covered(self) -> int:
        """How many lines ran at least once."""
        return sum(count > 0 for count in self.lines.values())

    def add(self, lines: Iterable[tuple[int, int]], functions: Iterable[tuple[str, int, int]]) -> None:
        """Add more counts of lines, and more calls of functions: name, line, calls."""
        for number, count in lines:
            self.lines[number] += count
        for name, line, calls in functions:
            _, before = self.functions.get(name, (line, 0))
            self.functions[name] = line, before + calls

    def in_order(self) -> list[tuple[str, int, int]]:
        """Return name, line and calls of each function, in the order of the file."""
        return sorted(((name, *rest) for name, rest in self.functions.items()), key=lambda function: function[1])


Lines = dict[str, SourceFile]
"""Source files by their path in this repository."""


def add_lines(total: Lines, notes: Iterable[Notes], counts: Sequence[int]) -> None:
    """Add counters, in the order of the notes and their functions, to the lines in `total`.

    Raises `MissingTool` without the cross compiler's gcov, `InfrastructureError` if that fails.
    """
    for report in _gcov(notes, counts):
        for file in report["files"]:
            if file["file"].startswith(LAID_OVER):
                path = SOURCES + file["file"].removeprefix(LAID_OVER)
                total.setdefault(path, SourceFile()).add(
                    ((line["line_number"], line["count"]) for line in file["lines"]),
                    (
                        (function["name"], function["start_line"], function["execution_count"])
                        for function in file["functions"]
                    ),
                )


def _gcov(notes: Iterable[Notes], counts: Sequence[int]) -> list[dict[str, Any]]:
    doing = "reading the counters"
    remaining = iter(counts)
    with tempfile.TemporaryDirectory(prefix="hil-coverage-") as name:
        directory = Path(name)
        data = []
        for note in notes:
            (directory / note.path.name).symlink_to(note.path.absolute())
            data.append(f"{note.path.stem}.gcda")
            (directory / data[-1]).write_bytes(note.data(remaining))
        command = [GCOV, "--json-format", "--stdout", *data]
        output = run_tool(command, seconds=GCOV_SECONDS, directory=directory, doing=doing, hint="make clean")
    # gcov returns 0 also when it only warns that data and notes are of different builds: then the counts mean nothing.
    if output.complaint:
        raise InfrastructureError(f"`{GCOV}` failed: {output.complaint}", doing=doing, hint="make clean")
    return [json.loads(line) for line in output.text.splitlines() if line]
