"""A banner is found wherever it stands on a line, and also if another writer tore the line."""

from __future__ import annotations

import re

import pytest

from hil.board.strategy.scanner import FOREIGN, LinePattern, LineScanner, Sighting, is_torn, torn_before
from hil.record.transcript import Transcript

READY = r"^monitor: ready"


def scan(*pieces: bytes, patterns: tuple[str, ...] = (READY,)) -> list[Sighting]:
    """Return what is found in a console's output, which arrives in `pieces`."""
    scanner = LineScanner([re.compile(pattern) for pattern in patterns])
    transcript = Transcript("monitor")
    found: list[Sighting] = []
    transcript.listen(lambda line, complete: found.extend(scanner.scan(line, complete=complete)))
    for piece in pieces:
        transcript.received(piece)
    return found


@pytest.mark.parametrize(
    "output",
    [
        b"monitor: ready\r\n",
        b"\xffmonitor: ready\r\n",
        b"\0\0monitor: ready\r\n",
        b"mon\0itor\xff: ready\r\n",
        b"\x1b[0mmonitor: ready\r\n",
        b"\x1b[1;32mmonitor:\x1b[0m ready\r\n",
        b"RPi: BOOTLOADER releasemonitor: ready\r\n",
        b"[    4.123456] random: crng init donemonitor: ready\r\n",
        b"before\rmonitor: ready\rafter",
        b"before\n\rmonitor: ready\n\r",
        b"monitor: ready",
    ],
)
def test_a_banner_is_found_once_wherever_it_stands(output: bytes) -> None:
    assert [sighting.index for sighting in scan(output)] == [0]
    assert [sighting.index for sighting in scan(*(output[at : at + 1] for at in range(len(output))))] == [0]


@pytest.mark.parametrize(
    "output",
    [
        b"monitor: rea[    4.123456] mmc0: new card\r\ndy\r\n",
        b"monitor: rea[    4.1] no stamp\r\nNOTICE:  BL31: x\r\n",
        b"monitor: rea[    4.123456] one\r\n[    4.123457] two\r\n[    4.123458] three\r\ndy\r\n",
        b"moni[    4.123456] one\r\ntor: re[    4.123457] two\r\nady\r\n",
        b"monitor: reNOTICE:  vTPM: window 1\r\nady\r\n",
        b"monitor: reI/TC: Primary CPU\r\n\r\nady\r\n",
    ],
)
def test_a_line_that_a_foreign_message_tore_is_put_together(output: bytes) -> None:
    stamped = FOREIGN.search(output.decode())
    found = scan(output)
    if b"no stamp" in output:  # nobody can tell whose text that is
        assert found == []
    else:
        assert stamped
        assert found == [Sighting(0, "monitor: ready", torn=True)]


def test_what_the_host_sends_in_the_middle_of_a_line_does_not_cut_it() -> None:
    scanner = LineScanner([re.compile(READY)])
    transcript = Transcript("monitor")
    found: list[Sighting] = []
    transcript.listen(lambda line, complete: found.extend(scanner.scan(line, complete=complete)))
    transcript.received(b"monitor: re")
    transcript.sent(b":1 ping\n")
    transcript.note("a remark")
    transcript.received(b"ady\r\n")
    assert [sighting.index for sighting in found] == [0]


def test_several_banners_on_one_line_are_found_in_their_order() -> None:
    found = scan(b"vTPM: onBL31: v2monitor: ready\r", patterns=(READY, "^BL31: v", "vTPM"))
    assert [sighting.index for sighting in found] == [2, 1, 0]


def test_a_banner_on_the_next_line_is_found_again() -> None:
    assert len(scan(b"monitor: ready\rmonitor: ready\rmonitor: ready\n")) == 3


def test_a_banner_after_a_flood_without_line_ends_is_found() -> None:
    assert len(scan(*[b"\xff" * 4096] * 64, b"monitor: ready")) == 1


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        ("^# ", "root login # ", False),
        ("^# ", "# ", True),
        ("# $", "/ # [    5.123456] eth0: up", True),
        ("# $", "/ # comment", False),
        (r"^login:|^linux: ready", "xxlinux: ready", True),
        (r"[^$]\$ready\^", "a$ready^", True),
        (r"\Amonitor: ready", "xmonitor: ready", False),
        (r"[]^]x", "]x", True),
    ],
)
def test_anchors_mean_the_line_of_the_writer(pattern: str, line: str, found: bool) -> None:
    assert bool(LinePattern(re.compile(pattern)).search(line)) is found


def test_a_line_begins_a_foreign_message_behind_its_own_text() -> None:
    assert torn_before("monitor: re[    4.123456] mmc0") == "monitor: re"
    assert torn_before("[    4.123456] mmc0") == ""


@pytest.mark.parametrize(
    ("pattern", "lines", "torn"),
    [
        (READY, ["monitor: reaHello", "dy"], True),
        (READY, ["monitor: rea[    4.123456] mmc0", "lost"], True),
        (READY, ["monitor> ", "ready"], False),
        (READY, ["NOTICE:  BL31: Built : 10:00", "vTPM: service 1.0 ready"], False),
        (r"^NOTICE:  BL31: v", ["NOTICE:  BL2: v2", "NOTICE:  BL2: Built"], False),
        (r"login:|^linux: ready", ["logi", "n:"], False),
    ],
)
def test_a_torn_banner_is_told_from_one_that_never_came(pattern: str, lines: list[str], torn: bool) -> None:
    assert is_torn(re.compile(pattern), lines) is torn
