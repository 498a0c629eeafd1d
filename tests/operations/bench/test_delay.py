"""How delays and traps are taken from what guest and host say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.ssh.process import CommandResult
from hil.errors import FirmwareError
from hil.operations.bench.delay import WORKLOADS, Workload, rows
from hil.operations.bench.exits import traps_in
from hil.operations.bench.stopwatch import Timing
from hil.operations.bench.tpmpaths import BASELINE, DIRECT, QUEUE, DirectPath
from hil.target.tpm import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# As the kernel prints it; 20 and 21 are threads of one VMM, 30 of another.
HISTOGRAM = """\
# event histogram
#
# trigger info: hist:keys=common_pid,ret,esr_ec:vals=hitcount:sort=hitcount:size=2048 [active]
#

{ common_pid:         20, ret:          0, esr_ec:          0 } hitcount:          7
{ common_pid:         20, ret:          2, esr_ec:          1 } hitcount:         11
{ common_pid:         20, ret:          2, esr_ec:         23 } hitcount:         30
{ common_pid:         21, ret:          2, esr_ec:         36 } hitcount:          2
{ common_pid:         30, ret:          2, esr_ec:         36 } hitcount:       1000

Totals:
    Hits: 1050
"""
RESPONSE = "80010000000a00000000"


def test_traps_are_those_of_one_guest_without_interrupts_and_waits() -> None:
    assert traps_in(HISTOGRAM, {20, 21, 22}) == 32
    assert traps_in(HISTOGRAM, {30}) == 1000
    assert traps_in("", {20}) == 0


def test_ticks_become_seconds_by_the_guests_own_frequency() -> None:
    timing = Timing.parse(f"1000\n{RESPONSE}\n5\n250\n")
    assert timing.seconds == (0.005, 0.25)
    assert timing.response.code == commands.SUCCESS


@pytest.mark.parametrize(
    "output", ["", "1000\n", f"0\n{RESPONSE}\n5\n", f"1000\n{RESPONSE}\nmany\n", "1000\n8001\n5\n"]
)
def test_a_stopwatch_that_says_something_else_is_not_believed(output: str) -> None:
    with pytest.raises(FirmwareError, match="tpm-latency answered"):
        Timing.parse(output)


@dataclass
class Played:
    """A path to a TPM: commands take `ticks` in turn and cause `traps_each`; the program causes 5 more."""

    ticks: Sequence[int]
    traps_each: int
    counted: int = 0
    order: list[str] = field(default_factory=list)

    @property
    def guest(self) -> Any:
        return self

    def run(self, line: str | Sequence[str], **_: object) -> CommandResult:
        words = line.split() if isinstance(line, str) else list(line)
        count = int(words[1])
        self.counted += 5 + count * self.traps_each
        self.order.append(words[2])
        ticks = "".join(f"{self.ticks[number % len(self.ticks)]}\n" for number in range(count))
        return CommandResult(str(line), f"1000\n{RESPONSE}\n{ticks}".encode(), b"", 0)

    def traps(self, action: Callable[[], object]) -> int:
        before = self.counted
        action()
        return self.counted - before


def test_a_row_has_the_percentiles_and_the_traps_of_one_command() -> None:
    paths = {QUEUE: Played([1, 1, 3], 1), BASELINE: Played([10, 20, 20, 90], 60)}
    workload = Workload("name", lambda key: commands.quote(key, b"", 0), 100, has_targets=True)
    p50, p99, traps = rows(workload, paths, {QUEUE: 1, BASELINE: 2})
    assert (p50.series[QUEUE].median, p50.series[BASELINE].median) == (0.001, 0.02)
    assert (p99.series[QUEUE].median, p99.series[BASELINE].median) == (0.003, 0.09)
    assert (traps.series[QUEUE].median, traps.series[BASELINE].median) == (1, 60)
    assert p50.targets[0].met
    assert sorted(set(p50.latencies[BASELINE])) == [0.01, 0.02, 0.09]
    assert set(paths[BASELINE].order) == {commands.quote(2, b"", 0).hex()}


def test_a_way_that_is_too_slow_misses_its_target() -> None:
    paths = {QUEUE: Played([20], 1), DIRECT: Played([6], 0), BASELINE: Played([100], 60)}
    workload = Workload("name", lambda _: commands.get_random(16), 10, has_targets=True)
    assert [target.met for target in rows(workload, paths, dict.fromkeys(paths, 0))[0].targets] == [True, False]


def test_traps_to_the_monitor_are_counted_without_waits() -> None:
    counters: dict[int, int] = {0x01: 100, 0x24: 7}

    class Machine:
        @staticmethod
        def traps_by_class() -> dict[int, int]:
            return dict(counters)

    class PlayedGuest:
        vm = Machine

    guest: Any = PlayedGuest
    assert DirectPath(guest).traps(lambda: counters.update({0x01: 500, 0x24: 9, 0x16: 1})) == 3


def test_what_a_command_makes_is_flushed() -> None:
    for workload in WORKLOADS:
        makes = workload.command(0)[6:10] == commands.CC_CREATE_PRIMARY.to_bytes(4)
        assert (workload.after == commands.flush_context(0)) == makes
