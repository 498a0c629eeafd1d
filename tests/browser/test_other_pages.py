"""The history of runs, and the comparison of two, as people see and use them in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.record import Fault, FaultKind
from hil.report.compare import compare
from hil.report.history import history
from hil.report.pages import compare_page, history_page
from tests.report.parsed import HOSTILE
from tests.report.runs import Lab, case

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.window import Window

    Open = Callable[..., Window]

PHONE = 360
OUTCOMES = ("passed", "flaky", "failed", "lost", "skipped", "xfailed", "failed")
"""Of one test in as many runs."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses of a history and of a comparison, in which everything happens that can."""
    folder = tmp_path_factory.mktemp("pages")
    lab = Lab(folder / "reports")
    hostile = Fault(FaultKind.FIRMWARE, "call", "Panic", HOSTILE, finding=True)
    runs = []
    for number, outcome in enumerate(OUTCOMES):
        lab.firmware = str(number // 3) * 64
        cases = (
            case("test_a", outcome),
            case("test_always_well", "passed", seconds=9.0 if number == len(OUTCOMES) - 1 else 1.0),
            case(f"test_with_a_long_name_{'x' * 80}[{HOSTILE}]", "failed" if number else "passed", fault=hostile),
            case("test_a", "passed", board="juno"),
        )
        runs.append(lab.run(*cases))
    made = {
        "history": history_page(history(lab.reports, 50), runs_at="/runs/"),
        "comparison": compare_page(compare(runs[0], runs[-1])),
    }
    for name, page in made.items():
        (folder / f"{name}.html").write_text(page)
    return {name: f"file://{folder}/{name}.html" for name in made}


@pytest.mark.parametrize("name", ["history", "comparison"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [PHONE, 1400])
def test_a_page_fits_its_screen_can_be_read_and_asks_for_nothing(
    window: Open, pages: dict[str, str], name: str, width: int, *, dark: bool
) -> None:
    shown = window(pages[name], width=width, dark=dark)
    assert shown.overflow() == 0
    assert shown.low_contrast() == []
    assert shown.requests == [pages[name]]
    assert shown.page.title() != "taken"


def test_the_history_shows_a_letter_per_run_and_leads_to_the_runs(window: Open, pages: dict[str, str]) -> None:
    shown = window(pages["history"])
    row = shown.find(".grid tbody tr").filter(has_text="::test_a").last
    assert row.locator(".cell").all_inner_texts() == [".", "~", "F", "I", "s", "x", "F"]
    assert "fails since" in shown.find(".grid thead").inner_text()
    assert (row.locator(".cell a").first.get_attribute("href") or "").startswith("/runs/")


def test_what_never_failed_comes_when_it_is_asked_for(window: Open, pages: dict[str, str]) -> None:
    shown = window(pages["history"])
    assert "test_always_well" not in shown.text()
    shown.find("#steady").check()
    assert "test_always_well" in shown.text()
    shown.find("#steady").uncheck()
    shown.find("input[type=search]").fill("ALWAYS")
    assert "test_always_well" in shown.text()
    assert "test_with_a_long_name" not in shown.text()


def test_the_comparison_tells_what_is_worse(window: Open, pages: dict[str, str]) -> None:
    text = window(pages["comparison"]).text()
    for told in ("worse", "new failures: 2", "slower: 1", "firmware_hash", HOSTILE):
        assert told in text
