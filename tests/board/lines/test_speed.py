"""Stages of a boot may speak at different speeds."""

from __future__ import annotations

import termios
import threading
import time
from typing import TYPE_CHECKING

import pytest

from hil.board.file.boot import BootPlan
from hil.errors import BoardFileError
from tests.simulators.bench import states
from tests.simulators.board import BANNERS

if TYPE_CHECKING:
    from tests.simulators.bench import Bench

FAST, SLOW = 921600, 115200
OF_STAGE = {"BL31": {"speed": FAST}, "monitor": {"speed": SLOW}}
CONSTANTS = {termios.B921600: FAST, termios.B115200: SLOW, termios.B9600: 9600}


class Uart:
    """The board's UART: what it says at another speed than the host listens at arrives as noise."""

    def __init__(self, bench: Bench) -> None:
        self.speed = FAST
        self._bench = bench
        self._to_host = bench.wire._to_host
        bench.wire._to_host = self.to_host  # type: ignore[method-assign]

    def heard_at(self) -> int:
        pty = self._bench.wire._pty
        assert pty
        return CONSTANTS.get(termios.tcgetattr(pty[1])[5], 0)

    def to_host(self, data: bytes) -> bool:
        return self._to_host(data if self.heard_at() == self.speed else b"\xff" * len(data))


def test_a_line_follows_the_board_to_another_speed_and_back(bench: Bench) -> None:
    uart = Uart(bench)
    say = bench.board.say
    followed = threading.Event()

    def saying(data: bytes) -> None:
        if data in BANNERS:
            uart.speed = SLOW if data == BANNERS[2] else FAST
            ends = time.monotonic() + 10
            while uart.heard_at() != uart.speed and time.monotonic() < ends:
                time.sleep(0.01)
            followed.set()
        say(data)
        time.sleep(0.05)  # what is on the wire arrives at the speed at which it was sent

    bench.board.say = saying  # type: ignore[method-assign]
    strategy = bench.strategy(banners=OF_STAGE)
    for _ in range(2):
        strategy.transition("monitor")
        strategy.transition("off")
    assert followed.is_set()
    said = [line.text for line in strategy.transcripts["monitor"].since(0)]
    assert [text for text in said if text.endswith(" baud")] == [f"{FAST} baud", f"{SLOW} baud"] * 2


def test_a_speed_holds_for_the_stages_after_it_on_the_same_line() -> None:
    plan = BootPlan.parse(states(20, OF_STAGE), [], ["monitor"])
    assert [banner.speed for banner in plan.banners] == [FAST, FAST, SLOW]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"speed": "fast"}, "must be a number of baud"),
        ({"speed": 0}, "must be a number of baud"),
        ({"repeats": "often"}, "must be true or false"),
        ({"sped": 9600}, "did you mean"),
    ],
)
def test_a_wrong_option_of_a_banner_is_named(more: dict[str, object], message: str) -> None:
    with pytest.raises(BoardFileError, match=message):
        BootPlan.parse(states(20, {"BL31": more}), [], ["monitor"])


def test_a_plan_has_its_states_in_order() -> None:
    assert list(BootPlan.parse(states(20), [], ["monitor"]).states) == ["firmware", "monitor"]
