"""Each stage is broken in turn: bring-up names that stage, and a cause that fits (failure modes 3, 5, 6, 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hil.errors import ExitCode
from hil.operations.bringup import BringUp, BringUpStep, StageOutcome
from tests.board.drivers.guest import echo, power_off, repeat, say, start_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.board.strategy import BoardStrategy

pytestmark = pytest.mark.emulator

SECONDS = 3.0
STATES = {
    "firmware": {
        "deadline": SECONDS,
        "banners": [
            {"stage": "BL1", "uart": "firmware", "line": "^BL1: v"},
            {"stage": "BL2", "uart": "firmware", "line": "^BL2: v"},
            {"stage": "BL31", "uart": "firmware", "line": "^BL31: v"},
            {"stage": "service", "uart": "firmware", "line": r"vTPM: service \d+\.\d+ ready"},
        ],
    },
    "monitor": {"deadline": SECONDS, "banners": [{"stage": "monitor", "uart": "monitor", "line": "^monitor: ready"}]},
}
PANICS = [{"uart": "firmware", "line": "PANIC"}, {"uart": "firmware", "line": "vTPM: service off"}]
FEATURES = {"secure_space": "protected"}

BL1, BL2, BL31 = (say("firmware", f"{stage}: v1\n") for stage in ("BL1", "BL2", "BL31"))
GARBAGE = say("firmware", "éàü" * 20 + "\n")


def service(windows: int = 8, entropy: str = "RNDRRS", space: str = "protected") -> str:
    return say("firmware", f"vTPM: service 1.0 ready, {windows} windows, entropy {entropy}, secure space {space}\n")


SERVICE = service()
READY = say("monitor", "monitor: ready\n")
LATER = {"firmware": {**STATES["firmware"], "deadline": 60}, "monitor": STATES["monitor"]}


def stopped_bring_up(strategy: BoardStrategy) -> tuple[BringUp, BringUpStep]:
    """Bring a board up that does not get far, and return the step where it stops."""
    bring_up = BringUp(strategy, FEATURES)
    steps = bring_up.run()
    (stopped,) = (step for step in steps if step.outcome is StageOutcome.STOPPED)
    assert all(step.outcome is StageOutcome.REACHED for step in steps[: steps.index(stopped)])
    assert steps[-1].outcome is StageOutcome.NOT_TRIED
    assert stopped.causes
    assert all(cause.why and cause.attempt for cause in stopped.causes)
    return bring_up, stopped


@pytest.mark.parametrize(
    ("actions", "stage", "why", "code"),
    [
        ((), "serial", "there was no output", ExitCode.INFRASTRUCTURE),
        ((GARBAGE,), "BL1", "another speed", ExitCode.FINDINGS),
        ((say("monitor", "U-Boot 2026.01\n"),), "BL1", "U-Boot 2026.01", ExitCode.FINDINGS),
        ((BL1,), "BL2", "BL1 finds no BL2", ExitCode.FINDINGS),
        ((BL1, BL2), "BL31", "cannot read or verify BL31", ExitCode.FINDINGS),
        ((BL1, BL2, BL31), "service", "no vTPM service", ExitCode.FINDINGS),
        ((BL1, BL2, BL31, SERVICE), "monitor", "BL33 is not where", ExitCode.FINDINGS),
        ((BL1, BL2, BL31, SERVICE, READY), "version", "did not answer", ExitCode.INFRASTRUCTURE),
    ],
)
def test_a_boot_that_ends_before_a_stage_names_it(
    make_board: Callable[..., BoardStrategy], actions: tuple[str, ...], stage: str, why: str, code: ExitCode
) -> None:
    bring_up, stopped = stopped_bring_up(make_board(*actions, states=STATES, panics=PANICS))
    assert stopped.stage.name == stage
    assert why in stopped.causes[0].why or why in stopped.seen
    assert bring_up.error
    assert bring_up.error.exit_code is code


@pytest.mark.parametrize(
    ("actions", "stage", "why"),
    [
        ((BL1, start_again()), "BL2", "again and again: BL1 came twice"),
        ((BL1, BL2, say("firmware", "PANIC in EL3.\n")), "BL31", "panicked: PANIC in EL3."),
        (
            (BL1, BL2, BL31, say("firmware", "vTPM: service off: bad engine\n")),
            "service",
            "from another build",
        ),
        ((BL1, BL2, BL31, say("firmware", "vTPM: service off: no luck\n")), "service", "stays off: no luck"),
        ((BL1, BL2, power_off()), "BL31", "switched the board off"),
        ((BL1, BL2, BL31, service(entropy="none"), READY), "self-check", "no source of entropy"),
        ((BL1, BL2, BL31, service(windows=0), READY), "self-check", "no window"),
        ((BL1, BL2, BL31, service(space="unprotected"), READY), "self-check", "the board file says"),
    ],
)
def test_a_board_that_says_what_is_wrong_is_understood(
    make_board: Callable[..., BoardStrategy], actions: tuple[str, ...], stage: str, why: str
) -> None:
    _, stopped = stopped_bring_up(make_board(*actions, echo("monitor"), states=LATER, panics=PANICS))
    assert stopped.stage.name == stage
    assert why in stopped.causes[0].why


def test_a_board_without_power_stops_at_the_switch(make_board: Callable[..., BoardStrategy]) -> None:
    bring_up, stopped = stopped_bring_up(make_board(BL1, machine="nosuch", states=STATES))
    assert stopped.stage.name == "power"
    assert "nosuch" in stopped.seen
    assert bring_up.error
    assert bring_up.error.exit_code is ExitCode.INFRASTRUCTURE


def test_a_banner_is_timed_from_the_one_before(make_board: Callable[..., BoardStrategy]) -> None:
    slow = repeat(20_000_000, "        nop\n")
    bring_up = BringUp(make_board(BL1, slow, BL2, BL31, SERVICE, states=STATES, panics=PANICS), FEATURES)
    seconds: dict[str, Any] = {step.stage.name: step.seconds for step in bring_up.run()}
    assert seconds["BL2"] > 10 * seconds["BL31"]


def test_who_watches_sees_each_stage_as_it_is_reached(make_board: Callable[..., BoardStrategy]) -> None:
    bring_up = BringUp(make_board(BL1, BL2, states=STATES, panics=PANICS), FEATURES)
    seen: list[set[str]] = []
    bring_up.on_change = lambda steps: seen.append(
        {step.stage.name for step in steps if step.outcome is StageOutcome.REACHED}
    )
    bring_up.run()
    assert {"flashed"} in seen
    assert {"flashed", "power", "serial", "BL1"} in seen
    assert seen[-1] == {"flashed", "power", "serial", "BL1", "BL2"}
