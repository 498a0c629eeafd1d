"""The data of a measurement, and the order in which implementations take turns, so that no drift favours one."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one quantity, in one unit, oldest first."""

    unit: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle sample."""
        return statistics.median(self.samples)

    @property
    def low(self) -> float:
        """The smallest sample."""
        return min(self.samples)

    @property
    def high(self) -> float:
        """The largest sample."""
        return max(self.samples)


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit for a figure, and whether it is met."""

    text: str
    met: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: a quantity, one series per implementation, and the targets for it.

    `latencies` has every sample in seconds by implementation, if the series only have percentiles of them.
    """

    name: str
    series: Mapping[str, Series]
    targets: tuple[Goal, ...] = ()
    latencies: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that were measured together, with a description of how."""

    title: str
    how: str
    rows: tuple[Row, ...]


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that at least `percent` of all do not exceed (the nearest-rank method)."""
    return sorted(samples)[max(math.ceil(len(samples) * percent / 100), 1) - 1]


def ratio(row: Mapping[str, Series], ours: str, other: str) -> float:
    """Return the median of `ours` as a multiple of the median of `other`."""
    return row[ours].median / row[other].median


def take_turns(
    implementations: Mapping[str, Callable[[], float]], rounds: int, unit: str, *, warm_up: int = 1
) -> dict[str, Series]:
    """Sample each implementation `rounds` times, in the order A B C, C B A, ..., after `warm_up` dropped rounds."""
    samples: dict[str, list[float]] = {name: [] for name in implementations}
    for turn, name in turns(list(implementations), warm_up + rounds):
        value = implementations[name]()
        if turn >= warm_up:
            samples[name].append(value)
    return {name: Series(unit, tuple(values)) for name, values in samples.items()}


def turns(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Yield the number of each round with each of the names, in the order A B C, C B A, A B C, ..."""
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else list(reversed(names)):
            yield turn, name
