"""Rules that derive the likely causes of a stopped boot from what was seen, the most specific rule first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.board.drivers.videocore import BootRefused
from hil.errors import Panic, UnexpectedPowerOff
from hil.operations.bringup.stages import Cause
from hil.operations.bringup.symptoms import known_symptoms, progress_before_banners
from hil.operations.bringup.traps import traps_before
from hil.target.vtpm import ServiceError, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.errors import HilError
    from hil.operations.bringup.observer import BootObserver
    from hil.operations.bringup.stages import BringUpStage
    from hil.target.crash import Crash

GARBAGE = 0.3
"""If more than this share of a line's bytes is no text, it runs at another speed."""

_NO_SERVER = "no SSH server"
_OFF = re.compile(r"vTPM: service off: (?P<reason>.*)")
_TREE = re.compile(r"vTPM: device tree at (?P<address>0x[0-9a-f]+) (?P<fault>.*)")
_OFF_CAUSES = (
    ("engine", "the engine is missing, damaged, or from another build than BL31", "hil build; hil flash --force"),
    ("entropy", "the processor has no FEAT_RNG, or the random number generator is silent", "docs/build.md, entropy"),
    ("tree", "the device tree is missing, or has no room for the queue pool", "the device tree that BL31 is given"),
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A boot that stopped before `stage`, and the error that ended it."""

    stage: BringUpStage
    error: HilError
    observer: BootObserver | None
    crash: Crash | None = None
    """The crash or hang behind the error, if it is one."""
    platform: str = ""
    """The board's platform, empty if it is none of this project's."""


def diagnose(stop: Stop) -> tuple[Cause, ...]:
    """Return the likely causes, the likeliest first, and after them the platform's and the usual ones of the stage."""
    special = [cause for rule in _RULES for cause in rule(stop)]
    usual = (*traps_before(stop.platform, stop.stage.name), *stop.stage.causes)
    return (*special, *(cause for cause in usual if cause not in special))


def _device_tree(stop: Stop) -> Iterator[Cause]:
    for line in stop.observer.tail() if stop.observer else ():
        if found := _TREE.search(line):
            yield Cause(
                f"the device tree at {found['address']} {found['fault']}",
                "config.txt: device_tree_address and what lies beside it; docs/boards/rpi4.md",
            )
            return


def _symptoms(stop: Stop) -> Iterator[Cause]:
    """What was said since the last stage that was reached: a stage that is followed by a later one was passed."""
    if stop.observer:
        yield from known_symptoms(stop.observer.since_last_stage)


def _progress(stop: Stop) -> Iterator[Cause]:
    observer = stop.observer
    if observer and not any(observer.banners.values()) and not any(_symptoms(stop)) and not any(_garbage(stop)):
        yield from progress_before_banners(observer.since_last_stage)


def _service_off(stop: Stop) -> Iterator[Cause]:
    for line in stop.observer.tail() if stop.observer else ():
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
    stage = stop.observer.repeated if stop.observer else ""
    if stage:
        yield Cause(f"the board starts again and again: {stage} came twice", "the last line before it came again")
        yield Cause("a watchdog that is not served, or a power supply that drops under load", "try a stronger supply")


def _garbage(stop: Stop) -> Iterator[Cause]:
    for uart, share in stop.observer.garbage.items() if stop.observer else ():
        if share > GARBAGE:
            yield Cause(
                f"`{uart}` runs at another speed than the line is read with: {share:.0%} of it is no text",
                "`speed` of the line in the board file; the UART's clock in the platform",
            )


def _other_firmware(stop: Stop) -> Iterator[Cause]:
    observer = stop.observer
    if observer and observer.serial and not any(observer.banners.values()) and not any(map(any, _understood(stop))):
        lines = observer.tail(1)
        if lines:
            yield Cause(f"other firmware runs there; it says: {lines[0]}", "hil flash --force; check the boot switches")


def _understood(stop: Stop) -> Iterator[Iterator[Cause]]:
    yield from (_garbage(stop), _symptoms(stop), _progress(stop))


def _no_entropy(stop: Stop) -> Iterator[Cause]:
    if isinstance(stop.error, ServiceError) and stop.error.status is Status.NO_ENTROPY:
        yield Cause("there is no entropy: CREATE fails closed", "the entropy source in firmware/platform/")


def _power_off(stop: Stop) -> Iterator[Cause]:
    if isinstance(stop.error, UnexpectedPowerOff):
        yield Cause("the firmware switched the board off", "its last lines for the reason")


def _hint(stop: Stop) -> Iterator[Cause]:
    if stop.error.context.hint:
        yield Cause(stop.error.message, stop.error.context.hint)


_RULES = (
    _refused,
    _device_tree,
    _service_off,
    _no_server,
    _symptoms,
    _crash,
    _loop,
    _garbage,
    _progress,
    _other_firmware,
    _no_entropy,
    _power_off,
    _hint,
)
