"""The part of a board file that says how its boot shows on the serial lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hil.drivers.boardfile import nearest
from hil.errors import BoardFileError
from hil.strategies.watch import Banner, PanicPattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class State(StrEnum):
    """What a board can be brought into, in the order in which it gets there: in the end to one of the last two."""

    off = "off"
    flashed = "flashed"
    firmware = "firmware"
    monitor = "monitor"
    linux = "linux"

    @classmethod
    def named(cls, name: str) -> State:
        """Return the state of this name. Raises `BoardFileError` with the nearest name."""
        if name not in cls.__members__:
            raise BoardFileError(f"there is no board state `{name}`{nearest(name, cls.__members__)}")
        return cls(name)


_LAST = (State.monitor, State.linux)


@dataclass(frozen=True, slots=True)
class StatePlan:
    """How long a state may take from the one before it, in seconds, and the banners that lead to it."""

    deadline: float
    banners: tuple[Banner, ...]


@dataclass(frozen=True, slots=True)
class BootPlan:
    """All states that a board announces, and how it says that it cannot go on."""

    states: Mapping[State, StatePlan]
    panics: tuple[PanicPattern, ...]

    @classmethod
    def parse(cls, states: Mapping[str, Any], panics: Sequence[Mapping[str, Any]], uarts: Sequence[str]) -> BootPlan:
        """Read the attributes of a strategy. Raises `BoardFileError` that names the key."""
        plans = {State.named(name): _state(f"states.{name}", plan, uarts) for name, plan in states.items()}
        last = [state for state in _LAST if state in plans]
        if State.firmware not in plans or not last:
            missing = _LAST if State.firmware in plans else (State.firmware,)
            names = " or ".join(f"`states.{state}`" for state in missing)
            raise BoardFileError(f"{names} is missing: it needs `deadline` and `banners`")
        if len(last) > 1:
            raise BoardFileError(f"`states` has both {' and '.join(last)}: a board's images boot into one of them")
        for number, panic in enumerate(panics):
            _fields(f"panics[{number}]", panic, ("uart", "line"))
        return cls(
            plans,
            tuple(
                PanicPattern(_uart(f"panics[{n}]", panic, uarts), _pattern(f"panics[{n}]", panic))
                for n, panic in enumerate(panics)
            ),
        )

    @property
    def order(self) -> tuple[State, ...]:
        """The board's states, in the order in which it gets there."""
        return tuple(state for state in State if state in (State.off, State.flashed, *self.states))

    @property
    def last(self) -> State:
        """The state in which the board is of use: `monitor` or `linux`."""
        return self.order[-1]

    @property
    def banners(self) -> tuple[Banner, ...]:
        """All banners of a boot, in order."""
        return tuple(banner for state in State if state in self.states for banner in self.states[state].banners)


def _state(where: str, plan: Mapping[str, Any], uarts: Sequence[str]) -> StatePlan:
    _fields(where, plan, ("deadline", "banners"))
    deadline = plan["deadline"]
    if not isinstance(deadline, int | float) or deadline <= 0:
        raise BoardFileError(f"`{where}.deadline` is {deadline!r}; it must be a number of seconds above 0")
    if not isinstance(plan["banners"], list) or not plan["banners"]:
        raise BoardFileError(f"`{where}.banners` must be a list of at least one banner")
    banners = []
    for number, banner in enumerate(plan["banners"]):
        inside = f"{where}.banners[{number}]"
        _fields(inside, banner, ("stage", "uart", "line"))
        banners.append(Banner(str(banner["stage"]), _uart(inside, banner, uarts), _pattern(inside, banner)))
    return StatePlan(float(deadline), tuple(banners))


def _fields(where: str, found: Mapping[str, Any], known: Sequence[str]) -> None:
    if not isinstance(found, dict):
        raise BoardFileError(f"`{where}` must have {', '.join(known)}")
    for key in found:
        if key not in known:
            raise BoardFileError(f"unknown key `{where}.{key}`{nearest(str(key), known)}")
    for key in known:
        if key not in found:
            raise BoardFileError(f"`{where}.{key}` is missing")


def _uart(where: str, found: Mapping[str, Any], uarts: Sequence[str]) -> str:
    uart = str(found["uart"])
    if uart not in uarts:
        raise BoardFileError(f"`{where}.uart` names no serial line: `{uart}`{nearest(uart, uarts)}")
    return uart


def _pattern(where: str, found: Mapping[str, Any]) -> re.Pattern[str]:
    try:
        return re.compile(str(found["line"]))
    except re.error as error:
        raise BoardFileError(f"`{where}.line` is no regular expression: {error}") from None
