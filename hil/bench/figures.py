"""What a measurement yields, and how contenders take turns so that a drifting machine favours none."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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
class Target:
    """What a figure should stay within, and whether it does."""

    text: str
    met: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a quantity, one series per contender, and the targets that concern it."""

    name: str
    series: Mapping[str, Series]
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that were measured together, with a sentence on how."""

    title: str
    how: str
    rows: tuple[Row, ...]


def ratio(row: Mapping[str, Series], ours: str, other: str) -> float:
    """Return the median of `ours` as a multiple of the median of `other`."""
    return row[ours].median / row[other].median


def take_turns(
    contenders: Mapping[str, Callable[[], float]], rounds: int, unit: str, *, warm_up: int = 1
) -> dict[str, Series]:
    """Sample every contender `rounds` times, in the order A B C, C B A, A B C, ...; the first `warm_up` are dropped."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    names: Sequence[str] = list(contenders)
    for turn in range(warm_up + rounds):
        for name in names if turn % 2 == 0 else list(reversed(names)):
            value = contenders[name]()
            if turn >= warm_up:
                samples[name].append(value)
    return {name: Series(unit, tuple(values)) for name, values in samples.items()}
