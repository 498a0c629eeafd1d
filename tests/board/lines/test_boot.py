"""A board on a line with noise and several writers boots; where it does not, the line may be at fault."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import ConsoleInterrupted, PowerFailed
from tests.simulators.board import BANNERS

if TYPE_CHECKING:
    from hil.board.strategy import BoardStrategy
    from tests.simulators.bench import Bench

BL31, SERVICE, READY = BANNERS


@pytest.mark.parametrize("noise", [b"\0", b"\xff", b"\xfe"])
def test_noise_of_a_board_without_power_is_ignored_and_noted(bench: Bench, noise: bytes) -> None:
    strategy = bench.strategy()
    strategy.transition("flashed")
    power_on = bench.board.on
    ended, hummed = threading.Event(), threading.Event()

    def hum() -> None:
        while not ended.wait(0.01):
            bench.board.say(noise)
            hummed.set()

    def on() -> None:
        ended.set()
        humming.join()
        power_on()

    bench.board.on = on  # type: ignore[method-assign]
    humming = threading.Thread(target=hum)
    humming.start()
    assert hummed.wait(10)
    strategy.transition("monitor")
    assert any(
        f"bytes that are no text ({noise.hex()}" in line.text for line in strategy.transcripts["monitor"].since(0)
    )


def test_text_of_another_board_between_noise_is_not_ignored(bench: Bench) -> None:
    strategy = bench.strategy()
    strategy.transition("flashed")
    opened = strategy.board._open

    def open_and_speak(*arguments: object) -> object:
        line = opened(*arguments)
        bench.board.say(b"\0\xff\0login: \0")
        return line

    strategy.board._open = open_and_speak
    with pytest.raises(PowerFailed, match="there is output on console `monitor`"):
        strategy.transition("monitor")
    assert not bench.board.running


@pytest.mark.parametrize(
    "said",
    [
        (b"\xff" + BL31, SERVICE, READY),
        (b"\x1b[0m" + BL31, SERVICE, READY),
        (b"RPi: BOOTLOADER release" + BL31, SERVICE, READY),
        (BL31, SERVICE, b"monitor: rea[    4.123456] mmc0: new high speed SDHC card\r\ndy\r\n"),
        (BL31, SERVICE, b"[    4.123456] random: crng init done" + READY),
        tuple(line.replace(b"\r\n", b"\r") for line in BANNERS),
        tuple(line.replace(b"\r\n", b"\n\r") for line in BANNERS),
        (BL31, BL31, SERVICE, READY),
        (*BANNERS, READY),
        (b"NOTICE:  BL\xff31: v2\r\n", SERVICE, READY),
        (b"NOTICE:  B?31: v2\r\n", SERVICE, READY),
    ],
)
def test_a_board_boots_whatever_its_line_adds(bench: Bench, said: tuple[bytes, ...]) -> None:
    bench.board.banners = said
    strategy = bench.strategy(deadline=10.0)
    strategy.transition("monitor")
    assert strategy.stage == "monitor"


def test_a_log_that_comes_twice_is_no_finding(bench: Bench) -> None:
    bench.board.banners = (*BANNERS, *BANNERS)
    strategy = bench.strategy(deadline=10.0)
    with pytest.raises(ConsoleInterrupted, match="its log was printed twice"):
        listen(strategy)


def listen(strategy: BoardStrategy) -> None:
    """Boot, and read until an error ends it."""
    strategy.transition("monitor")
    while True:
        strategy.board.uart("monitor").receive(Deadline.after(30))
