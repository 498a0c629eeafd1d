"""Measures which lines of the EL3 service the suites run: counters at EL3, read from the emulator's memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labgrid import Target

__all__ = ["Summary", "conclude", "watch"]

JSON_FILE = "coverage.json"
"""The result, in the directory of a run with coverage."""
COUNTERS_FILE = "counters.json"
"""The counters of one board, in its directory of the run, until the run ends."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many lines of the service have code, and how many of these ran.

    `machines` emulators ran; `ends_lost` of them ended before their counters could be read.
    """

    lines: int
    covered: int
    machines: int
    ends_lost: int

    @classmethod
    def from_run(cls, run: Path) -> Summary | None:
        """Read the summary of a run from its directory; None for a run without coverage."""
        try:
            content = json.loads((run / JSON_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(content["lines"], content["covered"], content["machines"], content["ends_lost"])

    def __str__(self) -> str:
        share = 100 * self.covered / max(self.lines, 1)
        lost = (
            f"; {self.ends_lost} of {self.machines} machines ended before they were counted" if self.ends_lost else ""
        )
        return f"coverage of firmware/service: {self.covered} of {self.lines} lines ({share:.1f} %){lost}"


def watch(target: Target, directory: Path) -> None:
    """Sum a board's counters in `directory`, if its firmware has any. Raises `UsageError` if its build is damaged."""
    from hil.coverage.image import InstrumentedImage
    from hil.coverage.meter import CounterMeter

    image = InstrumentedImage.behind(Path(path) for path in target.env.config.get_images().values())
    if image is not None:
        target.get_driver("HilQEMUDriver", activate=False).memory_meter = CounterMeter(image, directory / COUNTERS_FILE)


def conclude(run: Path) -> None:
    """Convert the counters of all boards of a run to reports in the directory of the run.

    Raises `MissingTool` without the cross compiler's gcov, `InfrastructureError` if that fails.
    """
    counted = sorted(run.glob(f"*/{COUNTERS_FILE}"))
    if counted:
        from hil.coverage.report import merge

        merge(counted, run)
