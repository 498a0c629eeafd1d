"""The part of a board file that says how its boot shows on the serial lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hil.errors import BoardFileError
from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


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
class Banner:
    """The line by which a stage of the boot makes itself known.

    `repeats` says that it may come again without a restart. `speed` is that of the serial line from this stage on, in
    baud; 0 is what the serial port says.
    """

    stage: str
    uart: str
    pattern: re.Pattern[str]
    repeats: bool = False
    speed: int = 0


@dataclass(frozen=True, slots=True)
class PanicPattern:
    """A line by which the firmware says that it cannot go on."""

    uart: str
    pattern: re.Pattern[str]


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
        for _, message in mistakes(states, panics, uarts):
            raise BoardFileError(message)
        speeds: dict[str, int] = {}
        return cls(
            {state: _state(states[state], speeds) for state in State if state in states},
            tuple(PanicPattern(str(panic["uart"]), re.compile(str(panic["line"]))) for panic in panics),
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


def mistakes(states: Mapping[str, Any], panics: Sequence[Any], uarts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the attributes of a strategy: each time its place, such as `panics[0].line`, and why."""
    for name, plan in states.items():
        if name in State.__members__:
            yield from _in_state(f"states.{name}", plan, uarts)
        else:
            yield f"states.{name}", f"there is no board state `{name}`{nearest(str(name), State.__members__)}"
    last = [state for state in _LAST if state in states]
    if State.firmware not in states or not last:
        missing = _LAST if State.firmware in states else (State.firmware,)
        names = " or ".join(f"`states.{state}`" for state in missing)
        yield "states", f"{names} is missing: it needs `deadline` and `banners`"
    if len(last) > 1:
        yield "states", f"`states` has both {' and '.join(last)}: a board's images boot into one of them"
    for number, panic in enumerate(panics):
        yield from _in_line(f"panics[{number}]", panic, ("uart", "line"), uarts)


def _state(plan: Mapping[str, Any], speeds: dict[str, int]) -> StatePlan:
    return StatePlan(float(plan["deadline"]), tuple(_banner(line, speeds) for line in plan["banners"]))


def _banner(line: Mapping[str, Any], speeds: dict[str, int]) -> Banner:
    """Read a banner. `speeds` are those of the lines at the stage before, and then at this one."""
    uart = str(line["uart"])
    speeds[uart] = int(line.get("speed", speeds.get(uart, 0)))
    repeats = bool(line.get("repeats", False))
    return Banner(str(line["stage"]), uart, re.compile(str(line["line"])), repeats, speeds[uart])


def _in_state(where: str, plan: Any, uarts: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from _in_fields(where, plan, ("deadline", "banners"))
    found = plan if isinstance(plan, dict) else {}
    deadline = found.get("deadline", 1)
    if isinstance(deadline, bool) or not isinstance(deadline, int | float) or deadline <= 0:
        yield f"{where}.deadline", f"`{where}.deadline` is {deadline!r}; it must be a number of seconds above 0"
    banners = found.get("banners", [{}])
    if not isinstance(banners, list) or not banners:
        yield f"{where}.banners", f"`{where}.banners` must be a list of at least one banner"
    elif "banners" in found:
        for number, banner in enumerate(banners):
            yield from _in_banner(f"{where}.banners[{number}]", banner, uarts)


def _in_banner(where: str, banner: Any, uarts: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from _in_line(where, banner, ("stage", "uart", "line"), uarts, ("repeats", "speed"))
    found = banner if isinstance(banner, dict) else {}
    if not isinstance(found.get("repeats", False), bool):
        yield f"{where}.repeats", f"`{where}.repeats` is {found['repeats']!r}; it must be true or false"
    speed = found.get("speed", 1)
    if isinstance(speed, bool) or not isinstance(speed, int) or speed <= 0:
        yield f"{where}.speed", f"`{where}.speed` is {speed!r}; it must be a number of baud, such as 115200"


def _in_line(
    where: str, line: Any, needed: Sequence[str], uarts: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    yield from _in_fields(where, line, needed, optional)
    found = line if isinstance(line, dict) else {}
    if "uart" in found and str(found["uart"]) not in uarts:
        uart = str(found["uart"])
        yield f"{where}.uart", f"`{where}.uart` names no serial line: `{uart}`{nearest(uart, uarts)}"
    try:
        re.compile(str(found.get("line", "")))
    except re.error as error:
        yield f"{where}.line", f"`{where}.line` is no regular expression: {error}"


def _in_fields(
    where: str, found: Any, needed: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    if not isinstance(found, dict):
        yield where, f"`{where}` must have {', '.join(needed)}"
        return
    known = (*needed, *optional)
    for key in found:
        if key not in known:
            yield f"{where}.{key}", f"unknown key `{where}.{key}`{nearest(str(key), known)}"
    for key in needed:
        if key not in found:
            yield where, f"`{where}.{key}` is missing"
