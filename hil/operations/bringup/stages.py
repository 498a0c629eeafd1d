"""The stages of a first boot, from the power switch to the first TPM command, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hil.board.file.boot import LINUX, MONITOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.board.file.boot import Banner, BootPlan, StatePlan


_SERVICE = "service"
"""The stage that a board announces whose firmware has the service."""


class StageOutcome(StrEnum):
    """The outcome of one stage."""

    REACHED = "reached"
    STOPPED = "stopped here"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a boot may have stopped, and the next thing to try."""

    why: str
    attempt: str


@dataclass(frozen=True, slots=True)
class BringUpStage:
    """A stage of the boot. `causes` are the usual ones if the boot stops right before it."""

    name: str
    expected: str
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class BringUpStep:
    """A stage with its outcome. `seconds` is the time since the previous stage, or since power-on."""

    stage: BringUpStage
    outcome: StageOutcome
    seen: str = ""
    seconds: float = 0.0
    causes: tuple[Cause, ...] = ()


FLASHED = BringUpStage(
    "flashed",
    "the images are on the board and read back as written",
    (Cause("the firmware is not built, or the medium cannot be written", "hil build; hil flash"),),
)
POWER = BringUpStage(
    "power",
    "the board can be switched on",
    (
        Cause("the power switch does not answer, or the emulator does not start", "hil doctor; check the board file"),
        Cause("the board is connected to another outlet", "switch it by hand and look for its light"),
    ),
)
SERIAL = BringUpStage(
    "serial",
    "any byte on any serial line",
    (
        Cause("the board has no power", "look for its light; measure the supply"),
        Cause(
            "transmit and receive are swapped, or the adapter is another one",
            "swap them; see which port goes",
        ),
        Cause("the boot ROM finds nothing to start", "hil flash --force; check the boot switches"),
    ),
)
SELF_CHECK = BringUpStage(
    "self-check",
    "windows of secure memory, a source of entropy, and the protection that the board file promises",
    (
        Cause(
            "the platform's addresses or its entropy source do not fit this board", "firmware/platform/, docs/build.md"
        ),
    ),
)
VERSION = BringUpStage(
    "version",
    "the service answers VERSION and LIMITS with its own figures",
    (Cause("another service owns the call range, or the build is older than this checkout", "hil build; hil flash"),),
)
INSTANCE = BringUpStage(
    "instance",
    "CREATE generates an instance, with a queue of its own",
    (Cause("the engine does not start on this processor", "see the firmware console for what it says"),),
)
TPM = BringUpStage(
    "tpm",
    "TPM2_Startup and TPM2_GetRandom through a queue that a guest has mapped",
    (Cause("the guest's view of the queue is not EL3's: memory types or translation", "hil run suites/queue -x"),),
)
SSH = BringUpStage(
    "ssh",
    "a command over SSH is answered",
    (
        Cause("the network is not up on the board", "hil console BOARD, then `ip address`"),
        Cause("the address in the board file belongs to another machine", "NetworkService in the board file"),
    ),
)
DEVICE = BringUpStage(
    "device",
    "/dev/vtpm on the host: the module found the service",
    (Cause("the module is not loaded, or is for another kernel", "`dmesg` on the host; docs/linux.md"),),
)

_BANNERS = {
    "BL1": (
        Cause("the boot ROM runs no image of ours", "hil flash --force; check boot switches and medium"),
        Cause("the console is another UART than this image writes to", "the platform's UART in firmware/platform/"),
    ),
    "BL2": (
        Cause("BL1 finds no BL2: the image package is missing, cut off, or at another address", "hil flash --force"),
        Cause("BL2 does not fit where BL1 puts it", "the memory map in firmware/platform/"),
    ),
    "BL31": (
        Cause("the loader cannot read or verify BL31 or the engine", "hil flash --force; see what the loader says"),
        Cause("DRAM is not initialised, or smaller than the images need", "try another board of the same kind"),
    ),
    "SPL": (
        Cause("the boot ROM finds no loader on the medium that its switches choose", "hil flash --force; the switches"),
    ),
    "u-boot": (
        Cause("BL31 or its payload does not hand over: BL33 is missing, or at another address", "see BL31's last line"),
        Cause("its console is another UART, or has another speed", "the console in its configuration"),
    ),
    "service": (
        Cause("this BL31 has no vTPM service", "hil build; hil flash --force"),
        Cause("a service that starts before it does not return", "build with LOG_LEVEL=50 and look for the last one"),
    ),
    "monitor": (
        Cause("BL33 is not where BL31 jumps to", "the load address in the manifest against that of the platform"),
        Cause("its UART belongs to the secure world, or has no clock", "the UART in firmware/monitor/platform/"),
    ),
    "linux": (
        Cause("the kernel gets no device tree, or a console that is not there", "add `earlycon` to bootargs"),
        Cause("the initramfs is missing, or has another address than the device tree says", "hil build; hil flash"),
    ),
}


def stage_of_banner(banner: Banner) -> BringUpStage:
    """Return the stage that a banner announces."""
    return BringUpStage(banner.stage, f"its banner on console `{banner.uart}`", _BANNERS.get(banner.stage, ()))


class Ending(StrEnum):
    """What a bring-up can try when the boot has ended."""

    MONITOR = "the service, through our monitor"
    LINUX = "the service, through Linux"
    OTHER = "what the states of other firmware have drivers for"


def ending_of(plan: BootPlan) -> Ending:
    """Return how the bring-up of a board ends: Linux has the service only if the firmware before it announces it."""
    if plan.last == LINUX and any(banner.stage == _SERVICE for banner in plan.banners):
        return Ending.LINUX
    return Ending.MONITOR if plan.last == MONITOR else Ending.OTHER


def use_of(state: str, plan: StatePlan) -> BringUpStage:
    """Return the stage in which the driver of a state finds its prompt, or connects."""
    return BringUpStage(
        f"{state}: use",
        f"{plan.driver} finds its prompt, or connects",
        (
            Cause("the prompt is another one, or has another name", "`prompt` of the driver in the board file"),
            Cause("the automatic boot was not stopped", "`autoboot` and `interrupt` of the driver"),
        ),
    )


def stages_of(plan: BootPlan, ending: Ending) -> tuple[BringUpStage, ...]:
    """Return all stages of a board in order."""
    head = (FLASHED, POWER, SERIAL)
    if ending is Ending.OTHER:
        return (*head, *_of_states(plan))
    return (
        *head,
        *_announced(plan.banners),
        *((SSH, DEVICE, TPM) if ending is Ending.LINUX else (VERSION, INSTANCE, TPM)),
    )


def _of_states(plan: BootPlan) -> Iterator[BringUpStage]:
    for state, how in plan.states.items():
        yield from map(stage_of_banner, how.banners)
        if how.driver:
            yield use_of(state, how)


def _announced(banners: Sequence[Banner]) -> Iterator[BringUpStage]:
    for banner in banners:
        yield stage_of_banner(banner)
        if banner.stage == _SERVICE:
            yield SELF_CHECK
