"""Lines of the EL3 service that the suites run, counted at EL3 and read out of the emulator's memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labgrid import Target

__all__ = ["Summary", "conclude", "watch"]

JSON_FILE = "coverage.json"
"""In the directory of a run that counted."""
COUNTERS_FILE = "counters.json"
"""In each board's directory of a run, until the run ends."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many lines of the service have code, and how many of them ran.

    `machines` is how many emulators ran; `ends_lost` of them were gone before their counters could be read.
    """

    lines: int
    covered: int
    machines: int
    ends_lost: int

    @classmethod
    def from_run(cls, run: Path) -> Summary | None:
        """Read that of the run in a directory; None when the run did not count."""
        try:
            content = json.loads((run / JSON_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(content["lines"], content["covered"], content["machines"], content["ends_lost"])

    def __str__(self) -> str:
        share = 100 * self.covered / max(self.lines, 1)
        lost = f"; {self.ends_lost} of {self.machines} machines were lost uncounted" if self.ends_lost else ""
        return f"coverage of firmware/service: {self.covered} of {self.lines} lines ({share:.1f} %){lost}"


def watch(target: Target, directory: Path) -> None:
    """Sum what a board counts in `directory`, if its firmware counts. Raises `UsageError` when its build is damaged."""
    from hil.coverage.image import InstrumentedImage
    from hil.coverage.meter import CounterMeter

    image = InstrumentedImage.behind(Path(path) for path in target.env.config.get_images().values())
    if image is not None:
        target.get_driver("HilQEMUDriver", activate=False).memory_meter = CounterMeter(image, directory / COUNTERS_FILE)


def conclude(run: Path) -> None:
    """Make of what the boards of a run have counted what a reader wants, in the directory of the run.

    Raises `MissingTool` without the cross compiler's gcov, `InfrastructureError` when that fails.
    """
    counted = sorted(run.glob(f"*/{COUNTERS_FILE}"))
    if counted:
        from hil.coverage.report import merge

        merge(counted, run)
