"""Boots that go well, and every way in which they do not (failure modes 5, 6, 7 and 25)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.strategy.watch import BootWatch
from hil.deadline import Deadline
from hil.errors import (
    BoardBroken,
    BoardSilent,
    BootHang,
    InfrastructureError,
    Panic,
    UnexpectedPowerOff,
    UnexpectedReboot,
    UsageError,
)
from tests.board.drivers.conftest import BOOT, STATES
from tests.board.drivers.guest import assemble, echo, power_off, repeat, say, start_again, wait_for_byte

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.board.drivers.alarm import Alarm
    from hil.board.strategy import BoardStrategy
    from hil.console import ByteStream

pytestmark = pytest.mark.emulator

LONG = 20.0  # the deadline of every state in STATES
DUMP = ("PANIC in EL3.", "x30            = 0x000000000badcafe", "far_el3        = 0x0000000000000000")


def listen(stream: ByteStream) -> None:
    """Read until an error ends it."""
    while True:
        stream.receive(Deadline.after(LONG))


def impatient(seconds: float) -> dict[str, Any]:
    return {name: {**plan, "deadline": seconds} for name, plan in STATES.items()}


def test_a_board_boots_through_all_states_to_a_shell_that_answers(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    assert board.status == "monitor"
    assert board.stage == "monitor"
    assert board.shell.console.stream.tail()[0] == "monitor: ready"


def test_a_build_does_not_change_a_flashed_board_until_it_is_flashed_again(
    make_board: Callable[..., BoardStrategy], tmp_path: Path
) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("flashed")
    assemble(tmp_path, say("firmware", "PANIC\n"))
    board.transition("monitor")
    board.board.cycle()
    board.board.alarm.check()
    board.transition("off")
    with pytest.raises(Panic):
        board.transition("monitor")


def test_a_state_in_between_is_reached_and_then_left_forwards_without_a_reboot(
    make_board: Callable[..., BoardStrategy],
) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("firmware")
    pid = board.board.emulator.pid
    board.transition("monitor")
    assert board.board.emulator.pid == pid
    board.transition("off")
    assert board.board.dead


@pytest.mark.parametrize("stages", [0, 1, 2], ids=["silent", "in-firmware", "before-the-monitor"])
def test_a_boot_that_hangs_is_given_up_when_the_board_file_says_so(
    make_board: Callable[..., BoardStrategy], monkeypatch: pytest.MonkeyPatch, stages: int
) -> None:
    """Each wait for a banner has the state's deadline, and ends with it: not much later than three times that."""
    seconds = 2.0
    given: list[Deadline] = []
    wait = BootWatch.wait

    def noting_wait(self: BootWatch, stage: str, deadline: Deadline, alarm: Alarm) -> None:
        given.append(deadline)
        wait(self, stage, deadline, alarm)

    monkeypatch.setattr(BootWatch, "wait", noting_wait)
    board = make_board(*BOOT[:stages], states=impatient(seconds))
    with pytest.raises(BootHang if stages else BoardSilent):
        board.transition("monitor")
    assert {deadline.budget for deadline in given} == {seconds}
    assert seconds <= time.monotonic() - given[-1].at + seconds < 3 * seconds


@pytest.mark.parametrize(
    ("stages", "reached", "missing"),
    [(1, "BL1", "BL31"), (2, "BL31", "monitor")],
)
def test_a_boot_that_hangs_after_a_stage_names_that_stage_and_the_missing_one(
    make_board: Callable[..., BoardStrategy], stages: int, reached: str, missing: str
) -> None:
    board = make_board(*BOOT[:stages], states=impatient(1.0))
    with pytest.raises(BootHang) as caught:
        board.transition("monitor")
    assert f"reached stage `{reached}`, but not `{missing}`" in caught.value.message
    assert caught.value.context.stage == reached
    assert caught.value.context.board == "tiny"


def test_a_board_that_says_nothing_is_an_infrastructure_error(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(states=impatient(1.0))
    with pytest.raises(BoardSilent) as caught:
        board.transition("monitor")
    assert isinstance(caught.value, InfrastructureError)


def test_a_board_that_talks_without_any_banner_hangs_before_the_first_stage(
    make_board: Callable[..., BoardStrategy],
) -> None:
    board = make_board(say("monitor", "noise\n"), states=impatient(1.0))
    with pytest.raises(BootHang, match="reached no stage within"):
        board.transition("monitor")


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_panic_ends_the_boot_long_before_the_deadline_and_is_quoted_with_its_stage(
    make_board: Callable[..., BoardStrategy], after: int
) -> None:
    board = make_board(*BOOT[:after], say("firmware", "\n".join(DUMP) + "\n"))
    began = time.monotonic()
    with pytest.raises(Panic, match=r"PANIC in EL3\.") as caught:
        board.transition("monitor")
    assert time.monotonic() - began < LONG / 2
    assert caught.value.context.stage == ("flashed", "BL1", "BL31")[after]
    assert caught.value.context.console == DUMP


def test_a_panic_without_a_newline_is_seen(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(BOOT[0], say("firmware", "PANIC"))
    began = time.monotonic()
    with pytest.raises(Panic):
        board.transition("firmware")
    assert time.monotonic() - began < LONG / 2


def test_a_board_that_resets_itself_during_boot_is_caught_at_the_second_banner(
    make_board: Callable[..., BoardStrategy],
) -> None:
    board = make_board(BOOT[0], start_again())
    with pytest.raises(UnexpectedReboot, match="banner of stage `BL1` came after stage `BL1`"):
        board.transition("monitor")


def test_a_board_that_switches_itself_off_is_a_finding(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(BOOT[0], power_off())
    with pytest.raises(UnexpectedPowerOff, match="guest-shutdown"):
        board.transition("monitor")


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (say("firmware", "PANIC in EL3.\n"), Panic),
        (say("firmware", "BL1: v1\n"), UnexpectedReboot),
    ],
)
def test_trouble_on_one_line_ends_a_wait_on_another_long_after_boot(
    make_board: Callable[..., BoardStrategy], trouble: str, error: type[Exception]
) -> None:
    board = make_board(*BOOT, wait_for_byte("monitor"), say("monitor", "!"), wait_for_byte("monitor"), trouble)
    board.transition("monitor")
    stream = board.shell.console.stream
    stream.send(b"x")
    began = time.monotonic()
    with pytest.raises(error):
        listen(stream)
    assert time.monotonic() - began < LONG / 2
    with pytest.raises(error):
        stream.send(b"y")


def test_a_panicked_board_is_booted_anew_by_the_next_transition(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(
        *BOOT, wait_for_byte("monitor"), say("monitor", "!"), wait_for_byte("monitor"), say("firmware", "PANIC\n")
    )
    board.transition("monitor")
    stream = board.shell.console.stream
    stream.send(b"x")
    with pytest.raises(Panic):
        listen(stream)
    board.transition("monitor")
    assert not board.board.dead


def test_an_expected_reboot_is_no_error_when_the_board_comes_back(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, wait_for_byte("monitor"), say("monitor", "!"), wait_for_byte("monitor"), start_again())
    board.transition("monitor")
    with board.expecting_reboot():
        board.shell.console.stream.send(b"x")
    board.board.alarm.check()


def test_a_flood_on_an_unread_line_does_not_stall_the_board(make_board: Callable[..., BoardStrategy]) -> None:
    lines = 3000  # 600 kB: more than a socket buffers
    flood = repeat(lines, say("firmware", "x" * 200 + "\n"))
    board = make_board(*BOOT, wait_for_byte("monitor"), say("monitor", "!"), flood, say("monitor", "done"))
    board.transition("monitor")
    assert board.shell.console.stream.receive(Deadline.after(LONG)).startswith(b"d")
    assert len(board.transcripts["firmware"].since(0)) > lines / 2


def test_after_a_failed_boot_every_transition_is_an_infrastructure_error_that_names_the_first_failure(
    make_board: Callable[..., BoardStrategy],
) -> None:
    board = make_board(say("firmware", "PANIC in EL3.\n"))
    with pytest.raises(Panic):
        board.transition("monitor")
    for state in ("monitor", "off"):
        with pytest.raises(BoardBroken, match="the firmware panicked: PANIC in EL3"):
            board.transition(state)
    with pytest.raises(BoardBroken):
        board.fork()


def test_a_broken_board_can_be_taken_back_into_use(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(say("firmware", "PANIC in EL3.\n"))
    with pytest.raises(Panic):
        board.transition("monitor")
    board.force("off")
    board.transition("off")
    assert board.status == "off"


def test_a_misspelt_state_is_a_usage_error_and_breaks_nothing(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    with pytest.raises(UsageError, match="the board has no state `montior`; did you mean `monitor`"):
        board.transition("montior")
    board.transition("monitor")


def test_pressing_power_or_reset_is_no_unexpected_reboot(make_board: Callable[..., BoardStrategy]) -> None:
    board = make_board(*BOOT, echo("monitor"))
    board.transition("monitor")
    with board.expecting_reboot():
        board.board.cycle()
    with board.expecting_reboot():
        board.board.reset()
    board.board.alarm.check()
