"""The page of all consoles: what a test said is found in the whole, and the whole is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from hil.record import ConsoleSlice
from hil.record.transcript import DirectorySink
from hil.report import write_reports
from tests.browser.sample import HOSTILE, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.window import Window

    Open = Callable[..., Window]

LINES = 9000
FIRST, LAST = 4000, 4010


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("run")
    for uart, said in (("firmware", HOSTILE), ("monitor", "monitor: ready, and it says a good deal more")):
        transcript = DirectorySink(directory).transcript("rpi4-1", uart)
        for number in range(1, LINES + 1):
            transcript.received(f"{number}: {said}\n".encode(errors="replace"))
        transcript.close()
    whole = record()
    first = whole.cases[0]
    piece = (ConsoleSlice("monitor", "", FIRST, LAST),)
    attempts = (replace(first.attempts[0], console=piece),)
    first = replace(first, console=piece, attempts=attempts)
    write_reports(replace(whole, cases=(first, *whole.cases[1:])), directory)
    assert (directory / "rpi4-1" / "monitor.log.gz").is_file()
    return directory


def test_a_test_leads_to_its_lines_and_they_lead_back(window: Open, run: Path) -> None:
    shown = window((run / "report.html").as_uri())
    shown.find("#cases > details", has_text="test_passes").locator("summary").first.click()
    shown.find("a", has_text=f"lines {FIRST} to {LAST} of the whole").click()
    shown.find(".wanted").nth(LAST - FIRST).wait_for()
    assert f"{FIRST}: monitor: ready" in shown.find(".wanted").first.inner_text()
    box = shown.find(".wanted").first.bounding_box()
    assert box
    assert 0 <= box["y"] < 100
    shown.find(".test a", has_text="test_passes").click()
    shown.find("#cases details[open]", has_text="test_passes").wait_for()


def test_one_walks_through_and_finds(window: Open, run: Path) -> None:
    shown = window((run / "console.html").as_uri() + "#rpi4-1/monitor")
    shown.find(".line").first.wait_for()
    shown.find("[data-go=last]").click()
    assert shown.find(".line").last.inner_text().startswith(f"{LINES}\n")
    shown.find("[data-go=earlier]").click()
    assert shown.find(".line").count() == 400
    shown.find("input").fill("5555: mon")
    shown.find("[data-find='1']").click()
    assert "5555" in shown.find(".wanted").inner_text()
    shown.find("input").fill("never said")
    shown.find("[data-find='1']").click()
    assert shown.find("output").inner_text() == "not found"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1400])
def test_what_a_board_says_stays_text_on_every_screen(window: Open, run: Path, *, width: int, dark: bool) -> None:
    shown = window((run / "console.html").as_uri() + "#rpi4-1/firmware", width=width, dark=dark)
    shown.find(".line").first.wait_for()
    assert "<img src=x onerror=alert(1)>" in shown.find(".line").first.inner_text()
    assert shown.overflow() == 0
    assert shown.low_contrast() == []
    assert len(shown.requests) == 1
