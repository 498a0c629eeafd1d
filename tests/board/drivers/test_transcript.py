"""Transcripts lose nothing and know when each line began."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from hil.record.transcript import LINE_BYTES, DirectorySink, MemorySink, Transcript, TranscriptLine

if TYPE_CHECKING:
    from pathlib import Path

STAMP = r"\[ *\d+\.\d{6} \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\]"


def texts(lines: tuple[TranscriptLine, ...]) -> list[str]:
    return [f"{line.direction} {line.text}" for line in lines]


def test_every_line_in_the_file_has_its_time_and_who_wrote_it(tmp_path: Path) -> None:
    transcript = DirectorySink(tmp_path).transcript("virt", "monitor")
    transcript.note("power on")
    transcript.received(b"ready\r\n> ")
    transcript.sent(b"ping\n")
    transcript.received(b"pong\n")
    log = (tmp_path / "virt" / "monitor.log").read_text().splitlines()
    assert [re.sub(STAMP, "T", line) for line in log] == ["T # power on", "T < ready", "T < > ", "T > ping", "T < pong"]


def test_bytes_are_in_the_files_as_soon_as_they_came(tmp_path: Path) -> None:
    transcript = DirectorySink(tmp_path).transcript("virt", "monitor")
    transcript.received(b"half a li")
    assert (tmp_path / "virt" / "monitor.log").read_text().endswith("< half a li")
    assert (tmp_path / "virt" / "monitor.raw").read_bytes() == b"half a li"


def test_the_raw_file_holds_exactly_what_the_board_sent(tmp_path: Path) -> None:
    noise = bytes(range(256)) * 300 + b"\r\n\r\r\n" + "grün".encode()[:3]
    transcript = DirectorySink(tmp_path).transcript("virt", "monitor")
    for start in range(0, len(noise), 7):
        transcript.received(noise[start : start + 7])
        transcript.sent(b"x")
    assert (tmp_path / "virt" / "monitor.raw").read_bytes() == noise


def test_a_second_run_appends(tmp_path: Path) -> None:
    for text in (b"one", b"two"):
        transcript = DirectorySink(tmp_path).transcript("virt", "monitor")
        transcript.received(text)
        transcript.close()
    log = (tmp_path / "virt" / "monitor.log").read_text().splitlines()
    assert [line[-3:] for line in log] == ["one", "two"]


def test_a_mark_is_a_line_of_the_file_whatever_was_there_before(tmp_path: Path) -> None:
    file = tmp_path / "virt" / "monitor.log"
    file.parent.mkdir()
    file.write_text("one\ntwo was cut sh")
    transcript = DirectorySink(tmp_path).transcript("virt", "monitor")
    transcript.received(b"three\n")
    mark = transcript.mark()
    assert transcript.place(mark) == (4, 3)
    transcript.received(b"four\nfive")
    first, last = transcript.place(mark)
    lines = file.read_text().split("\n")
    assert [line.rpartition(" ")[2] for line in lines[first - 1 : last]] == ["four", "five"]


def test_a_slice_holds_what_came_between_two_marks() -> None:
    transcript = MemorySink().transcript("virt", "monitor")
    transcript.received(b"before\n")
    first = transcript.mark()
    transcript.received(b"one\ntwo\n")
    second = transcript.mark()
    transcript.received(b"after\n")
    assert texts(transcript.since(first, second)) == ["< one", "< two"]
    assert texts(transcript.since(first)) == ["< one", "< two", "< after"]


def test_a_line_that_was_open_at_the_mark_belongs_to_both_slices() -> None:
    transcript = Transcript("monitor")
    transcript.received(b"begun")
    mark = transcript.mark()
    transcript.received(b" and ended\n")
    assert texts(transcript.since(mark)) == ["< begun and ended"]


def test_a_line_is_stamped_when_it_began_not_when_it_ended() -> None:
    transcript = Transcript("monitor")
    transcript.received(b"slow")
    between = time.time()
    transcript.received(b"ly\n")
    assert transcript.since(0)[0].wall <= between


@pytest.mark.parametrize("cut", range(1, 16))
def test_line_ends_are_found_wherever_the_bytes_were_cut(cut: int) -> None:
    data = b"one\r\ntwo\nth\rree\r\n"
    transcript = Transcript("monitor")
    transcript.received(data[:cut])
    transcript.received(data[cut:])
    assert texts(transcript.since(0)) == ["< one", "< two", r"< th\x0dree"]


def test_control_characters_and_broken_utf8_are_made_visible() -> None:
    transcript = Transcript("monitor")
    transcript.received(b"\x1b[31mred\x00 \xff\xfe gr\xc3\xbcn\n")
    assert texts(transcript.since(0)) == [r"< \x1b[31mred\x00 \xff\xfe grün"]


def test_a_line_of_a_megabyte_is_kept_in_pieces() -> None:
    transcript = Transcript("monitor")
    for _ in range(256):
        transcript.received(b"x" * 4096)
    lines = transcript.since(0)
    assert sum(len(line.raw) for line in lines) == 1024 * 1024
    assert max(len(line.raw) for line in lines) <= LINE_BYTES


def test_the_tail_is_what_the_board_said_last() -> None:
    transcript = Transcript("monitor")
    transcript.received(b"one\ntwo\nthree\n")
    transcript.sent(b"ping\n")
    transcript.received(b"fo")
    assert transcript.tail(2) == ("three", "fo")


def test_memory_is_bounded_and_the_newest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.record.transcript.INDEX_BYTES", 100)
    transcript = Transcript("monitor")
    for number in range(1000):
        transcript.received(b"%09d\n" % number)
    lines = transcript.since(0)
    assert [line.text for line in lines] == [f"{number:09d}" for number in range(989, 1000)]


def test_a_full_disk_keeps_the_lines_in_memory_and_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "monitor.log").symlink_to("/dev/full")
    transcript = Transcript("monitor", tmp_path / "monitor.log")
    transcript.received(b"one\ntwo\n")
    assert texts(transcript.since(0)) == ["< one", "< two"]
    assert transcript.write_error is not None
    assert transcript.write_error.strerror == "No space left on device"
