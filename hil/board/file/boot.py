"""The part of a board file that says how its boot shows on the serial lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.errors import BoardFileError, UsageError
from hil.spelling import misspelt, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


OFF = "off"
FLASHED = "flashed"
FIRST = (OFF, FLASHED)
"""The states that every board has, before those that its file names."""
MONITOR = "monitor"
LINUX = "linux"
ENDS = (MONITOR, LINUX)
"""Names with a meaning of their own: our monitor, and Linux with SSH. No board has both."""
KNOWN = ("firmware", *ENDS)
"""Names that our own board files have. A name that looks like one of them is taken for a mistake."""
DRIVER_OF = {MONITOR: "MonitorDriver", LINUX: "ParamikoDriver"}
"""The driver of a state that does not name one."""

STATE_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


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
    """How long a state may take from the one before it, in seconds, and the banners that lead to it.

    `driver` is the name or the class of the driver by which the board is used in this state, empty if by none.
    `command` is typed at the prompt of the state before.
    """

    deadline: float
    banners: tuple[Banner, ...]
    driver: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class BootPlan:
    """All states that a board file names, in order, and how the board says that it cannot go on."""

    states: Mapping[str, StatePlan]
    panics: tuple[PanicPattern, ...]

    @classmethod
    def parse(cls, states: Mapping[str, Any], panics: Sequence[Mapping[str, Any]], uarts: Sequence[str]) -> BootPlan:
        """Read the attributes of a strategy. Raises `BoardFileError` that names the key."""
        for _, message in mistakes(states, panics, uarts):
            raise BoardFileError(message)
        speeds: dict[str, int] = {}
        return cls(
            {str(name): _state(str(name), plan, speeds) for name, plan in states.items()},
            tuple(PanicPattern(str(panic["uart"]), re.compile(str(panic["line"]))) for panic in panics),
        )

    @property
    def order(self) -> tuple[str, ...]:
        """The board's states, in the order in which it gets there."""
        return (*FIRST, *self.states)

    @property
    def last(self) -> str:
        """The state in which a boot ends."""
        return self.order[-1]

    @property
    def banners(self) -> tuple[Banner, ...]:
        """All banners of a boot, in order."""
        return tuple(banner for plan in self.states.values() for banner in plan.banners)

    def state(self, name: str) -> str:
        """Return `name` if the board has this state. Raises `UsageError` with those that it has."""
        if name in self.order:
            return name
        near = misspelt(name, self.order)
        other = f"did you mean `{near}`?" if near else f"it has {', '.join(self.order)}"
        raise UsageError(f"the board has no state `{name}`; {other}")

    def banners_until(self, state: str) -> int:
        """Return how many banners a boot into a state shows."""
        names = [*self.states]
        return sum(len(self.states[name].banners) for name in names[: names.index(state) + 1])


def mistakes(states: Mapping[str, Any], panics: Sequence[Any], uarts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the attributes of a strategy: each time its place, such as `panics[0].line`, and why."""
    before: Any = {}
    for number, (name, plan) in enumerate(states.items()):
        yield from _in_name(str(name))
        yield from _in_state(f"states.{name}", plan, uarts)
        if isinstance(plan, dict) and "command" in plan and not (isinstance(before, dict) and before.get("driver")):
            why = "it is the first one" if number == 0 else "the state before it has no `driver` with a prompt"
            yield f"states.{name}.command", f"`states.{name}.command` cannot be typed anywhere: {why}"
        before = plan
    if not states:
        yield "states", "`states` is empty: it takes the states of the board by name, in the order of its boot"
    if len(last := [state for state in ENDS if state in states]) > 1:
        yield "states", f"`states` has both {' and '.join(last)}: a board's images boot into one of them"
    for number, panic in enumerate(panics):
        yield from _in_line(f"panics[{number}]", panic, ("uart", "line"), uarts)


def _in_name(name: str) -> Iterator[tuple[str, str]]:
    if name in FIRST:
        yield f"states.{name}", f"`states.{name}`: every board has the state `{name}`; name only those that follow"
    elif not STATE_NAME.fullmatch(name):
        yield f"states.{name}", f"`states.{name}` is no name of a state: small letters, digits and hyphens"
    elif near := misspelt(name, KNOWN):
        yield f"states.{name}", f"state `{name}`: did you mean `{near}`? if not, choose a name that is less like it"


def _state(name: str, plan: Mapping[str, Any], speeds: dict[str, int]) -> StatePlan:
    return StatePlan(
        float(plan["deadline"]),
        tuple(_banner(line, speeds) for line in plan.get("banners", ())),
        str(plan.get("driver") or DRIVER_OF.get(name, "")),
        str(plan.get("command", "")),
    )


def _banner(line: Mapping[str, Any], speeds: dict[str, int]) -> Banner:
    """Read a banner. `speeds` are those of the lines at the stage before, and then at this one."""
    uart = str(line["uart"])
    speeds[uart] = int(line.get("speed", speeds.get(uart, 0)))
    repeats = bool(line.get("repeats", False))
    return Banner(str(line["stage"]), uart, re.compile(str(line["line"])), repeats, speeds[uart])


def _in_state(where: str, plan: Any, uarts: Sequence[str]) -> Iterator[tuple[str, str]]:
    found = plan if isinstance(plan, dict) else {}
    needed = ("deadline",) if found.get("driver") else ("deadline", "banners")
    yield from _in_fields(where, plan, needed, ("banners", "driver", "command"))
    deadline = found.get("deadline", 1)
    if isinstance(deadline, bool) or not isinstance(deadline, int | float) or deadline <= 0:
        yield f"{where}.deadline", f"`{where}.deadline` is {deadline!r}; it must be a number of seconds above 0"
    for key in ("driver", "command"):
        if key in found and not (isinstance(found[key], str) and found[key]):
            yield f"{where}.{key}", f"`{where}.{key}` is {found[key]!r}; it must be text"
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
