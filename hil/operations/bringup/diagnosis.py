"""From what was seen to why the boot stopped: small rules, the most telling one first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.board.drivers.videocore import BootRefused
from hil.errors import Panic, UnexpectedPowerOff
from hil.operations.bringup.ladder import Cause
from hil.target.vtpm import ServiceError, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.errors import HilError
    from hil.operations.bringup.ladder import Stage
    from hil.operations.bringup.sight import Sight
    from hil.target.crash import Crash

GARBAGE = 0.3
"""A line of which more than this share is no text runs at another speed."""

_NO_SERVER = "no SSH server"
_OFF = re.compile(r"vTPM: service off: (?P<reason>.*)")
_OFF_CAUSES = (
    ("engine", "the engine is missing, damaged, or from another build than BL31", "hil build; hil flash --force"),
    ("entropy", "the processor has no FEAT_RNG, or the random number generator is silent", "docs/build.md, entropy"),
    ("tree", "the device tree is missing, or has no room for the queue pool", "the device tree that BL31 is given"),
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A boot that did not reach `stage`, with what ended it."""

    stage: Stage
    error: HilError
    sight: Sight | None
    crash: Crash | None = None
    """What the error means, if it is a crash or a hang."""


def diagnose(stop: Stop) -> tuple[Cause, ...]:
    """Return the likely causes, the likeliest first; the usual ones of the stage come last."""
    special = [cause for rule in _RULES for cause in rule(stop)]
    return (*special, *(cause for cause in stop.stage.causes if cause not in special))


def _service_off(stop: Stop) -> Iterator[Cause]:
    for line in stop.sight.tail() if stop.sight else ():
        found = _OFF.search(line)
        if found is None:
            continue
        reason = found["reason"]
        for word, why, attempt in _OFF_CAUSES:
            if word in reason:
                yield Cause(f"the service stays off ({reason}): {why}", attempt)
                return
        yield Cause(f"the service stays off: {reason}", "firmware/service/README.md")


def _crash(stop: Stop) -> Iterator[Cause]:
    if any(_service_off(stop)):
        return
    if stop.crash and (isinstance(stop.error, Panic) or stop.crash.places):
        told = "; ".join(filter(None, (stop.error.message, str(stop.crash))))
        yield Cause(told, stop.crash.attempt or "the last console lines")
    elif isinstance(stop.error, Panic):
        yield Cause(stop.error.message, "the last console lines")


def _refused(stop: Stop) -> Iterator[Cause]:
    if isinstance(stop.error, BootRefused):
        yield Cause(f"the boot ROM starts nothing: {stop.error.message}", "hil flash --force; config.txt on the card")


def _no_server(stop: Stop) -> Iterator[Cause]:
    if isinstance(stop.error, Panic) and _NO_SERVER in stop.error.message:
        yield Cause(
            "Linux is up, and its SSH server does not start", "the host key in the initramfs: hil build; hil flash"
        )


def _loop(stop: Stop) -> Iterator[Cause]:
    stage = stop.sight.repeated if stop.sight else ""
    if stage:
        yield Cause(f"the board starts again and again: {stage} came twice", "the last line before it came again")
        yield Cause("a watchdog that nobody feeds, or a supply that gives way under load", "try a stronger supply")


def _garbage(stop: Stop) -> Iterator[Cause]:
    for uart, share in stop.sight.garbage.items() if stop.sight else ():
        if share > GARBAGE:
            yield Cause(
                f"`{uart}` runs at another speed than the line is read with: {share:.0%} of it is no text",
                "`speed` of the line in the board file; the UART's clock in the platform",
            )


def _stranger(stop: Stop) -> Iterator[Cause]:
    sight = stop.sight
    if sight and sight.serial and not any(sight.banners.values()) and not any(_garbage(stop)):
        lines = sight.tail(1)
        if lines:
            yield Cause(f"other firmware runs there; it says: {lines[0]}", "hil flash --force; check the boot switches")


def _no_entropy(stop: Stop) -> Iterator[Cause]:
    if isinstance(stop.error, ServiceError) and stop.error.status is Status.NO_ENTROPY:
        yield Cause("there is no entropy: CREATE fails closed", "the entropy source in firmware/platform/")


def _power_off(stop: Stop) -> Iterator[Cause]:
    if isinstance(stop.error, UnexpectedPowerOff):
        yield Cause("the firmware switched the board off", "see its last lines: what did it not like?")


def _hint(stop: Stop) -> Iterator[Cause]:
    if stop.error.context.hint:
        yield Cause(stop.error.message, stop.error.context.hint)


_RULES = (_refused, _service_off, _no_server, _crash, _loop, _garbage, _stranger, _no_entropy, _power_off, _hint)
