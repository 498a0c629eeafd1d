"""Further files about a run, as its page shows them: covered lines of the service, and delays of TPM commands."""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.coverage import JSON_FILE as COVERAGE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

BENCH_FILE = "bench.json"
"""The figures of `hil bench --into RUN`, as its `--json` prints them."""
BINS_PER_DECADE = 10


@dataclass(frozen=True, slots=True)
class Covered:
    """A source file, or all of them, and how many of its lines ran."""

    path: str
    lines: int
    covered: int
    missed: str = ""

    @property
    def percent(self) -> float:
        """Of all lines; a file without any is covered."""
        return 100 * self.covered / self.lines if self.lines else 100.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the suites ran of the service."""

    whole: Covered
    files: tuple[Covered, ...]


@dataclass(frozen=True, slots=True)
class Delays:
    """Histograms of one TPM command, on one logarithmic axis from `low` to `high` seconds."""

    command: str
    low: float
    high: float
    ways: tuple[Histogram, ...]

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where powers of ten are on the axis, from 0 to 1, and what they are called."""
        first, last = round(math.log10(self.low)), round(math.log10(self.high))
        return [((power - first) / (last - first), _named(power)) for power in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often the command took how long on one way: bins as position and width from 0 to 1, and height to 1."""

    name: str
    median: float
    samples: int
    bins: tuple[tuple[float, float, float], ...]


def read_coverage(directory: Path | None) -> Coverage | None:
    """Return what a run with coverage left in `directory`, if it did."""
    data = _read(directory, COVERAGE_FILE)
    if not isinstance(data, dict):
        return None
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        files = [
            Covered(file["path"], file["lines"], file["covered"], _missed(file["counts"])) for file in data["files"]
        ]
        whole = Covered("all", data["lines"], data["covered"])
        return Coverage(whole, tuple(sorted(files, key=lambda file: file.percent)))
    return None


def read_delays(directory: Path | None) -> list[Delays]:
    """Return the histograms of a bench whose figures lie in `directory`."""
    data = _read(directory, BENCH_FILE)
    if not isinstance(data, dict):
        return []
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        return [
            _delays(row["name"].partition(":")[0], row["latencies"])
            for section in data["sections"]
            for row in section["rows"]
            if row.get("latencies")
        ]
    return []


def _read(directory: Path | None, name: str) -> Any:
    if directory:
        with contextlib.suppress(OSError, ValueError):
            return json.loads((directory / name).read_text(encoding="utf-8"))
    return None


def _missed(counts: Mapping[str, int]) -> str:
    """The lines that never ran, those in a row as one range."""
    return ", ".join(
        str(first) if first == last else f"{first}-{last}"
        for first, last in _ranges(sorted((int(line), count) for line, count in counts.items()))
    )


def _ranges(lines: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Lines that the compiler made no code of do not part those around them."""
    run: list[int] = []
    for line, count in lines:
        if not count:
            run.append(line)
        elif run:
            yield run[0], run[-1]
            run = []
    if run:
        yield run[0], run[-1]


def _delays(command: str, latencies: Mapping[str, Sequence[float]]) -> Delays:
    every = [seconds for samples in latencies.values() for seconds in samples]
    first = math.floor(math.log10(min(every)))
    last = max(math.ceil(math.log10(max(every))), first + 1)
    return Delays(
        command,
        10**first,
        10**last,
        tuple(_way(name, sorted(samples), first, last) for name, samples in latencies.items()),
    )


def _way(name: str, samples: Sequence[float], first: int, last: int) -> Histogram:
    bins = Counter(int((math.log10(seconds) - first) * BINS_PER_DECADE) for seconds in samples)
    width = 1 / ((last - first) * BINS_PER_DECADE)
    most = max(bins.values())
    return Histogram(
        name,
        samples[len(samples) // 2],
        len(samples),
        tuple((number * width, width, count / most) for number, count in sorted(bins.items())),
    )


def _named(power: int) -> str:
    """A power of ten of seconds, such as 10 µs."""
    unit, below = next(
        ((unit, below) for unit, below in (("s", 0), ("ms", -3), ("µs", -6)) if power >= below), ("ns", -9)
    )
    return f"{10 ** (power - below)} {unit}"
