"""What boots say on real lines: which stage is reached, what is a restart, and whose fault a missing banner is."""

from __future__ import annotations

import re
import select
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from hil.board.drivers.alarm import Alarm
from hil.board.drivers.start import Start
from hil.board.file.boot import Banner
from hil.board.strategy import restart
from hil.board.strategy.watch import BootWatch
from hil.deadline import Deadline
from hil.errors import BoardSilent, BootHang, ConsoleInterrupted, HilError, InfrastructureError, UnexpectedReboot
from hil.record.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 10.0
SHORT = 0.05
STAGES = (b"NOTICE:  BL31: v2\r\n", b"vTPM: service 1.0 ready\r\n", b"monitor: ready\r\n")


def banners(*, repeats: bool = False, monitor: str = "console") -> tuple[Banner, ...]:
    return (
        Banner("BL31", "console", re.compile("^NOTICE:  BL31: v"), repeats),
        Banner("service", "console", re.compile(r"vTPM: service \d+\.\d+ ready")),
        Banner("monitor", monitor, re.compile("^monitor: ready")),
    )


@dataclass
class Console:
    """Two serial lines of a board, and the watch over them."""

    plan: tuple[Banner, ...] = field(default_factory=banners)
    lossless: bool = False
    excuse: Callable[[], InfrastructureError | None] = lambda: None

    def __post_init__(self) -> None:
        self.lines = {name: Transcript(name) for name in ("console", "other")}
        self.alarm = Alarm()
        self.watch = BootWatch(self.plan, (), self.lines, self.alarm.ring, excuse=self.excuse, lossless=self.lossless)
        self.watch.started(Start.POWER_ON)

    def say(self, *lines: bytes, on: str = "console") -> None:
        for line in lines:
            self.lines[on].received(line)

    def wait(self, stage: str, seconds: float = SHORT) -> None:
        self.watch.wait(stage, Deadline.after(seconds), self.alarm)

    def error(self, stage: str = "monitor", seconds: float = SHORT) -> HilError:
        with pytest.raises(HilError) as caught:
            self.wait(stage, seconds)
        return caught.value


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass for the watch."""
    now = [1000.0]
    monkeypatch.setattr("hil.board.strategy.watch.time.monotonic", lambda: now[0])

    def let_pass(seconds: float) -> None:
        now[0] += seconds

    return let_pass


def test_a_stage_that_a_later_one_follows_has_been_passed() -> None:
    console = Console()
    console.say(STAGES[1], STAGES[2])
    for stage in ("BL31", "service", "monitor"):
        console.wait(stage)
    assert console.watch.stage == "monitor"


def test_a_banner_that_comes_late_on_another_console_is_no_restart() -> None:
    console = Console(banners(monitor="other"))
    console.say(STAGES[2], on="other")
    console.say(*STAGES[:2])
    console.alarm.check()
    assert console.watch.stage == "monitor"


@pytest.mark.parametrize("again", [STAGES[2], STAGES[1], STAGES[1] + STAGES[2]])
def test_a_later_banner_that_comes_again_is_no_restart(past: Callable[[float], None], again: bytes) -> None:
    console = Console()
    console.say(*STAGES)
    past(60)
    console.say(again)
    console.alarm.check()
    assert console.watch.stage == "monitor"


def test_the_first_banner_after_a_pause_is_a_restart(past: Callable[[float], None]) -> None:
    console = Console()
    console.say(*STAGES)
    past(restart.PAUSE_SECONDS)
    console.say(STAGES[0])
    with pytest.raises(UnexpectedReboot, match="banner of stage `BL31` came after stage `monitor`"):
        console.alarm.check()


def test_a_first_banner_that_was_lost_still_tells_a_restart(past: Callable[[float], None]) -> None:
    console = Console()
    console.say(*STAGES[1:])
    past(5)
    console.say(STAGES[0])
    with pytest.raises(UnexpectedReboot):
        console.alarm.check()


def test_a_board_that_starts_again_and_again_before_its_second_stage_is_caught(past: Callable[[float], None]) -> None:
    console = Console()
    console.say(STAGES[0])
    past(5)
    console.say(STAGES[0])
    with pytest.raises(UnexpectedReboot):
        console.alarm.check()


def test_a_restart_on_a_line_that_was_away_is_not_held_against_the_firmware(past: Callable[[float], None]) -> None:
    console = Console(excuse=lambda: ConsoleInterrupted("console `console` was gone for a while"))
    console.say(*STAGES)
    past(5)
    console.say(STAGES[0])
    with pytest.raises(ConsoleInterrupted, match="came after stage `monitor`; but console `console` was gone"):
        console.alarm.check()


def test_a_first_banner_that_is_printed_twice_is_no_restart() -> None:
    console = Console()
    console.say(STAGES[0], STAGES[0], *STAGES[1:])
    console.wait("monitor")


def test_a_boot_that_stops_after_a_doubled_banner_says_so() -> None:
    console = Console()
    console.say(STAGES[0], STAGES[0], STAGES[0])
    error = console.error()
    assert isinstance(error, BootHang)
    assert error.message.endswith("the banner of stage `BL31` came 3 times")


def test_a_log_that_is_replayed_faster_than_the_board_boots_is_no_restart(past: Callable[[float], None]) -> None:
    console = Console()
    for stage in STAGES:
        console.say(stage)
        past(0.2)
    past(-0.2)
    for stage in STAGES:
        console.say(stage)
        past(0.01)
    console.alarm.check()
    assert console.watch.stage == "monitor"


def test_a_boot_that_takes_as_long_as_the_first_is_a_restart(past: Callable[[float], None]) -> None:
    console = Console()
    for stage in STAGES * 2:
        console.say(stage)
        past(0.2)
    with pytest.raises(UnexpectedReboot):
        console.alarm.check()


def test_a_log_that_comes_twice_too_fast_to_tell_is_a_fault_of_the_line() -> None:
    console = Console()
    console.say(*STAGES, *STAGES)
    with pytest.raises(ConsoleInterrupted, match="the board rebooted, or its log was printed twice") as caught:
        console.alarm.check()
    assert "`repeats: true`" in caught.value.context.hint


def test_a_first_banner_that_nothing_follows_is_decided_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart, "SHORTEST_HOLD_SECONDS", 0.05)
    console = Console()
    console.say(*STAGES, STAGES[0])
    poll = select.poll()
    poll.register(console.alarm, select.POLLIN)
    assert poll.poll(LONG * 1000)
    with pytest.raises(ConsoleInterrupted):
        console.alarm.check()


def test_a_banner_that_may_repeat_tells_no_restart_and_the_next_one_does(past: Callable[[float], None]) -> None:
    console = Console(banners(repeats=True))
    console.say(*STAGES)
    past(5)
    console.say(STAGES[0])
    console.alarm.check()
    console.say(STAGES[1])
    with pytest.raises(UnexpectedReboot, match="`service`"):
        console.alarm.check()


def test_the_same_time_of_the_kernel_s_clock_is_a_copy(past: Callable[[float], None]) -> None:
    plan = (Banner("linux", "console", re.compile("Booting Linux")), Banner("up", "console", re.compile("login:")))
    console = Console(plan)
    console.say(b"[    0.000123] Booting Linux\r\n", b"login: ")
    past(5)
    console.say(b"[    0.000123] Booting Linux\r\n")
    console.alarm.check()
    console.say(b"[    0.000125] Booting Linux\r\n")
    with pytest.raises(UnexpectedReboot):
        console.alarm.check()


def test_a_lossless_line_repeats_nothing_by_itself() -> None:
    console = Console(lossless=True)
    console.say(STAGES[0], STAGES[0])
    with pytest.raises(UnexpectedReboot):
        console.alarm.check()


def test_an_expected_reboot_begins_with_the_first_banner(past: Callable[[float], None]) -> None:
    console = Console()
    console.say(*STAGES)
    with console.watch.expecting_reboot():
        past(5)
        console.say(*STAGES, STAGES[0])
        assert isinstance(console.error("service"), BootHang)
        console.say(*STAGES[1:])
        console.wait("monitor")
    console.alarm.check()


@pytest.mark.parametrize("noise", [b"\0" * 20, b"\xff\xfe" * 20, b"\xe0"])
def test_noise_alone_is_a_silent_board(noise: bytes) -> None:
    console = Console()
    console.say(noise)
    error = console.error()
    assert isinstance(error, BoardSilent)
    assert f"only {len(noise)} bytes" in error.message


def test_damage_after_the_last_stage_is_not_held_against_the_firmware() -> None:
    console = Console()
    console.say(STAGES[0], b"vTPM: serv\xff\xfe 1.0 re\0dy\r\n")
    error = console.error("service")
    assert isinstance(error, ConsoleInterrupted)
    assert "reached stage `BL31`, but not `service`" in error.message
    assert "3 bytes since then are no text" in error.message


@pytest.mark.parametrize("glitch", [b"\xff", b"\0\0\r\n", b"\xff\xfe\0"])
def test_a_glitch_at_power_on_excuses_nothing(glitch: bytes) -> None:
    console = Console()
    console.say(glitch + STAGES[0])
    assert isinstance(console.error("service"), BootHang)


def test_damage_before_the_last_stage_excuses_nothing() -> None:
    console = Console()
    console.say(b"U-Boot \xff\xff\r\n", STAGES[0], b"and then nothing\r\n")
    assert isinstance(console.error("service"), BootHang)


def test_a_banner_that_unknown_text_tore_is_a_fault_of_the_line() -> None:
    console = Console()
    console.say(*STAGES[:2], b"monitor: reaHello\r\n", b"dy\r\n")
    error = console.error()
    assert isinstance(error, ConsoleInterrupted)
    assert "torn by another writer" in error.message


def test_bytes_of_a_lossless_line_are_the_firmware_s() -> None:
    console = Console(lossless=True)
    console.say(b"\xff\xfe\xff\r\n")
    assert isinstance(console.error(), BootHang)
