"""From reset to the monitor's prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.vtpm import Service

if TYPE_CHECKING:
    from hil.fixtures import Board


@pytest.mark.cold_boot
@pytest.mark.element("E1")
def test_the_board_boots_through_every_stage_and_the_service_starts_in_bl31(cold_board: Board) -> None:
    cold_board.transition("monitor")
    banners = cold_board.strategy.plan.states["firmware"].banners
    assert [banner.stage for banner in banners][-2:] == ["BL31", "service"]
    for uart in {banner.uart for banner in banners}:
        lines = [line.text for line in cold_board.strategy.transcripts[uart].since(0)]
        stages = [banner.pattern for banner in banners if banner.uart == uart]
        places = [next(number for number, line in enumerate(lines) if stage.search(line)) for stage in stages]
        assert places == sorted(places)
        assert not [line for line in lines if "ERROR" in line or "WARNING" in line]


@pytest.mark.cold_boot
def test_two_cold_boots_give_different_random_numbers(cold_board: Board) -> None:
    seen = [_first_random_bytes(cold_board) for _ in range(2)]
    assert seen[0] != seen[1]


def _first_random_bytes(board: Board) -> bytes:
    from hil.drivers import MonitorDriver
    from hil.target.tpm import Tpm
    from hil.target.vtpm import ForwardedQueue

    board.transition("off")
    board.transition("monitor")
    monitor = board.target.get_driver(MonitorDriver).monitor
    monitor.wait_ready(Deadline.after(10))
    with Tpm(ForwardedQueue(Service(monitor).create(1))) as tpm:
        tpm.startup()
        return tpm.random(32)
