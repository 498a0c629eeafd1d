"""A board is what its note says only if it says so itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hil.board.strategy.identity import expected_builds
from hil.buildid import announcement
from hil.errors import ExitCode, WrongFirmware
from tests.simulators.board import BANNERS, BUILD, built

if TYPE_CHECKING:
    from tests.simulators.bench import Bench

OURS = "0123456789ab"
OTHER = "ba9876543210"


def flashed(bench: Bench) -> bytes:
    """Flash the board with a firmware that announces `OURS`; return what its card holds."""
    bench.new_image(OURS)
    assert bench.strategy().flash().written
    bench.leave()
    return bench.card.read_bytes()


def test_a_card_that_was_changed_since_is_flashed_again(bench: Bench) -> None:
    right = flashed(bench)
    bench.card.write_bytes(built(OTHER) + right[len(built(OTHER)) :])
    strategy = bench.strategy()
    try:
        strategy.transition("monitor")
    except WrongFirmware as error:
        pytest.fail(f"not flashed again: {error.message}")
    assert bench.card.read_bytes() == right
    assert bench.board.boots == 2
    notes = [line.text for line in strategy.transcripts["monitor"].since(0)]
    assert f"the board runs build {OTHER} of the service, but its images are of build {OURS}: flashing it" in notes


def test_a_card_that_is_right_is_not_flashed_again(bench: Bench) -> None:
    flashed(bench)
    written = bench.card.stat().st_mtime_ns
    bench.strategy().transition("monitor")
    assert (bench.card.stat().st_mtime_ns, bench.board.boots) == (written, 1)


@pytest.mark.parametrize("noise", [b"\0", b"\xff\xff", b"\x1b[0m"], ids=["NUL", "framing", "colour"])
def test_noise_around_an_announcement_does_not_hide_it(bench: Bench, noise: bytes) -> None:
    flashed(bench)
    bench.board.banners = tuple(noise + banner.replace(b"\r\n", noise + b"\r\n") for banner in BANNERS)
    bench.strategy().transition("monitor")
    assert bench.board.boots == 1


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (f", build {OTHER}", f"the board runs build {OTHER} of the service, but its images are of build {OURS}"),
        ("", "the board runs a service that announces no build id, but"),
        (f", build {OURS[:-1]}", "the board runs a service that announces no build id, but"),
    ],
    ids=["another build", "none", "a damaged one"],
)
def test_a_board_that_boots_from_elsewhere_is_an_infrastructure_error(bench: Bench, says: str, message: str) -> None:
    flashed(bench)
    bench.board.banners = tuple(banner.replace(BUILD, says.encode()) for banner in BANNERS)
    strategy = bench.strategy()
    with pytest.raises(WrongFirmware, match=message) as caught:
        strategy.transition("monitor")
    assert caught.value.exit_code is ExitCode.INFRASTRUCTURE
    assert bench.board.boots == 2, "it was flashed once more before anybody was told"


def test_an_announcement_that_comes_in_pieces_is_read_whole(bench: Bench) -> None:
    flashed(bench)
    ready, service, monitor = BANNERS
    first, second = service.partition(BUILD)[0], BUILD + service.partition(BUILD)[2]
    bench.board.banners = (ready, first, second, monitor)
    bench.strategy().transition("firmware")
    assert bench.board.boots == 1


@pytest.mark.parametrize("cut", [5, 20, 27, 33])
def test_an_announcement_that_a_message_of_the_kernel_tore_is_put_together(bench: Bench, cut: int) -> None:
    flashed(bench)
    ready, service, monitor = BANNERS
    said = service.replace(BUILD, f", build {OURS}".encode())
    torn = said[:cut] + b"[    4.123456] mmc0: new card\r\n" + said[cut:]
    bench.board.banners = (ready, torn, monitor)
    bench.strategy().transition("monitor")
    assert bench.board.boots == 1


def test_a_line_that_a_carriage_return_ends_is_not_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    flashed(bench)
    bench.board.banners = (*(banner.replace(b"\r\n", b"\r") for banner in BANNERS[:2]), BANNERS[2])
    monkeypatch.setattr("hil.board.strategy.identity.LINE_END_SECONDS", 60.0)
    began = time.monotonic()
    bench.strategy().transition("monitor")
    assert time.monotonic() - began < 50
    assert bench.board.boots == 1


def test_a_card_without_build_ids_is_looked_at(bench: Bench) -> None:
    assert bench.strategy().flash().written
    bench.leave()
    right = bench.card.read_bytes()
    bench.card.write_bytes(right[:4096] + b"drifted" + right[4103:])
    strategy = bench.strategy()
    assert strategy.flash().written
    assert bench.card.read_bytes() == right
    assert not strategy.flash().written


def test_firmware_without_a_build_id_is_not_compared(bench: Bench) -> None:
    assert bench.strategy().flash().written
    bench.leave()
    bench.strategy().transition("monitor")
    assert not expected_builds([bench.image])
    assert bench.board.boots == 1


def test_what_is_an_announcement() -> None:
    assert announcement(f"vTPM: service 1.0 ready, 8 windows, build {OURS}") == ("service", OURS)
    assert announcement(f"\\x00monitor: ready, build {OURS}") == ("monitor", OURS)
    assert announcement("linux: ready") == ("linux", "")
    assert announcement("NOTICE:  BL31: v2") is None
