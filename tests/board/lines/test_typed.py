"""A line that looks like the beginning of a boot, at a prompt: typed, printed by a command, or a restart."""

from __future__ import annotations

import re

import pytest

from hil.board.drivers.alarm import Alarm
from hil.board.drivers.start import Start
from hil.board.file.boot import Banner, PanicPattern
from hil.board.strategy.watch import BootWatch
from hil.errors import Panic, UnexpectedReboot
from hil.record.transcript import Transcript

BANNER = b"U-Boot 2023.01 (Jun 22 2026)\r\n"
NEXT = b"DRAM:  128 MiB\r\n"
PROMPT = b"=> "
PANIC = b"PANIC at PC : 0x0e0a1234\r\n"


class UBoot:
    """A board at the prompt of U-Boot, on a line that loses nothing."""

    def __init__(self) -> None:
        self.line, self.alarm = Transcript("console"), Alarm()
        plan = (Banner("U-Boot", "console", re.compile("^U-Boot 20")), Banner("DRAM", "console", re.compile("^DRAM:")))
        panics = (PanicPattern("console", re.compile("PANIC")),)
        self.watch = BootWatch(plan, panics, {"console": self.line}, self.alarm.ring, lossless=True)
        self.watch.started(Start.POWER_ON)
        self.line.received(BANNER + NEXT + PROMPT)
        self.watch.at_prompt("console", re.compile("^=> $"))

    def types(self, command: bytes) -> None:
        """A command is typed, and echoed."""
        self.line.sent(command + b"\n")
        self.line.received(command + b"\r\n")


@pytest.fixture
def uboot() -> UBoot:
    return UBoot()


def test_the_output_of_a_command_is_no_restart(uboot: UBoot) -> None:
    uboot.types(b"version")
    uboot.line.received(BANNER + b"gcc 12\r\n" + PROMPT)
    uboot.alarm.check()


def test_a_typed_banner_is_no_restart(uboot: UBoot) -> None:
    uboot.types(b"echo U-Boot 2023.01 (Jun")
    uboot.line.received(b"U-Boot 2023.01 (Jun\r\n" + PROMPT)
    uboot.alarm.check()


def test_an_echo_is_no_restart_even_where_no_prompt_is_known(uboot: UBoot) -> None:
    uboot.watch.at_prompt("console", None)
    uboot.types(b"U-Boot 2023.01")
    uboot.alarm.check()


def test_a_restart_while_nobody_has_typed_is_noticed_at_once(uboot: UBoot) -> None:
    uboot.line.received(b"\r\n" + BANNER)
    with pytest.raises(UnexpectedReboot):
        uboot.alarm.check()


def test_a_restart_after_a_command_has_ended_is_noticed_at_once(uboot: UBoot) -> None:
    uboot.types(b"version")
    uboot.line.received(BANNER + PROMPT)
    uboot.alarm.check()
    uboot.line.received(b"\r\n" + BANNER)
    with pytest.raises(UnexpectedReboot):
        uboot.alarm.check()


def test_a_command_that_restarts_the_board_is_noticed_when_the_boot_goes_on(uboot: UBoot) -> None:
    uboot.types(b"reset")
    uboot.line.received(b"resetting ...\r\n" + BANNER)
    uboot.alarm.check()
    uboot.line.received(NEXT)
    with pytest.raises(UnexpectedReboot):
        uboot.alarm.check()


def test_a_judge_decides_while_a_command_runs(uboot: UBoot) -> None:
    with uboot.watch.judging("console") as judge:
        uboot.types(b"version; bdinfo")
        assert not judge.suspicious
        uboot.line.received(BANNER + NEXT + PROMPT)
        assert judge.suspicious
    uboot.alarm.check()
    with uboot.watch.judging("console") as judge:
        judge.restarted()
    with pytest.raises(UnexpectedReboot):
        uboot.alarm.check()


def test_a_typed_panic_is_none(uboot: UBoot) -> None:
    uboot.types(b"setenv bootcmd 'echo PANIC'")
    uboot.alarm.check()


@pytest.mark.parametrize("typed", [b"setenv a PANIC", b"version"])
def test_a_panic_while_a_command_runs_is_one_whatever_was_typed(uboot: UBoot, typed: bytes) -> None:
    uboot.types(typed)
    uboot.line.received(PANIC + PROMPT)
    with pytest.raises(Panic, match="PANIC at PC"):
        uboot.alarm.check()
