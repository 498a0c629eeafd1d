"""The page of a run, as people see and use it in a browser."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from hil.record import Case, Outcome
from hil.record.requirements import Requirement
from tests.browser.sample import at, record, write_files, write_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.window import Window

    Open = Callable[..., Window]

PHONE = 360
MANY = 10_000
PARAMETERS = "test_panics[it's-$HOME]"
TOUCH_PIXELS = 44
"""WCAG 2.2, 2.5.5 (AAA); AA asks for 24."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("run")
    write_files(directory)
    return write_page(directory, record())


def open_all(window: Window) -> None:
    window.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    window.wait_until("document.querySelectorAll('#cases > details > .body').length === cases.length")


def test_the_page_asks_for_nothing_but_itself(window: Open, url: str) -> None:
    shown = window(url)
    open_all(shown)
    assert shown.requests == [url]


@pytest.mark.parametrize("width", [PHONE, 1400])
def test_nothing_overflows(window: Open, url: str, width: int) -> None:
    shown = window(url, width=width, touch=width == PHONE)
    open_all(shown)
    assert shown.overflow() == 0


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_stands_out_from_what_is_behind_it(window: Open, url: str, *, dark: bool) -> None:
    shown = window(url, dark=dark)
    open_all(shown)
    assert shown.low_contrast() == []


def test_fingers_find_what_can_be_tapped(window: Open, url: str) -> None:
    shown = window(url, width=PHONE, touch=True)
    selector = "input, select, button, summary"
    sizes = shown.evaluate(
        f"[...document.querySelectorAll('{selector}')].filter((one) => one.checkVisibility())"
        ".map((one) => [one.textContent, one.getBoundingClientRect().height])"
    )
    assert len(sizes) > 10
    assert [(text, height) for text, height in sizes if height < TOUCH_PIXELS] == []


def test_the_keyboard_finds_a_test_and_opens_it(window: Open, url: str) -> None:
    shown = window(url)
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("ring PANICS")
    assert shown.find("#cases > details").count() == 1
    assert "1 of 8" in shown.find("#filter output").inner_text()
    for _ in range(shown.find("#filter select").count() + 1):
        shown.page.keyboard.press("Tab")
    shown.page.keyboard.press("Enter")
    shown.find("#cases .body").wait_for()
    shown.page.focus("#filter input")
    shown.page.keyboard.press("Escape")
    assert shown.find("#cases > details").count() == 8


def test_the_worst_is_first_and_an_outcome_can_be_chosen(window: Open, url: str) -> None:
    shown = window(url)
    words = shown.find("#cases .word").all_inner_texts()
    assert words == ["infrastructure", "failed", "failed", "flaky", "blocked", "quarantined", "xfailed", "passed"]
    assert "the emulator died" in shown.find(".card").first.inner_text()
    shown.page.select_option("#filter select", "flaky")
    assert shown.find("#cases .word").all_inner_texts() == ["flaky"]


def test_a_link_leads_to_its_test_whatever_the_filter_says(window: Open, url: str) -> None:
    shown = window(f"{url}#rpi4%2Fsuites%2Fqueue%2Ftest_ring.py%3A%3Atest_panics")
    opened = shown.find("#cases > details[open]")
    assert "test_panics" in opened.inner_text()
    shown.page.select_option("#filter select", "passed")
    shown.find(".card a").first.click()
    assert "test_loses_its_board" in shown.find("#cases > details[open]").inner_text()


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run with a past, requirements and owners."""
    directory = tmp_path_factory.mktemp("later")
    write_files(directory)
    whole = record()
    claims = (("element", "E1"), ("requirement", "REQ-12"), ("owner", "bob"))
    first = replace(whole.cases[0], properties=claims, duration=99.0)
    id = f"suites/queue/test_ring.py::{PARAMETERS}"
    second = replace(whole.cases[1], id=id, properties=(("requirement", "REQ-2"),))
    known = (Requirement("element", "E1", "it runs at EL3"), Requirement("element", "E2", "nobody tests it"))
    past = [["rpi4", id, {"change": "fails still", "run": "run-1", "started": at(-99), "runs": 3, "before": True}]]
    (directory / "past.json").write_text(json.dumps(past))
    return write_page(directory, replace(whole, cases=(first, second, *whole.cases[2:]), requirements=known))


def test_tests_are_filtered_by_what_is_new_marker_and_owner_and_sorted_by_time(window: Open, later: str) -> None:
    shown = window(later)
    for name, value, wanted in (
        ("change", "fails still", PARAMETERS),
        ("markers", "requirement REQ-2", PARAMETERS),
        ("owner", "bob", "test_passes"),
        ("owner", "ann", "test_is_known"),
        ("board", "rpi4-2", "test_is_flaky"),
    ):
        shown.page.select_option(f"#filter select[name={name}]", value)
        (found,) = shown.find("#cases .id").all_inner_texts()
        assert wanted in found
        shown.page.select_option(f"#filter select[name={name}]", "")
    shown.page.select_option("#filter select[name=sort]", "slowest")
    assert "test_passes" in shown.find("#cases .id").first.inner_text()
    shown.page.select_option("#filter select[name=sort]", "ran")
    assert "test_passes" in shown.find("#cases .id").first.inner_text()
    assert "test_never_ran" in shown.find("#cases .id").last.inner_text()


def test_a_failure_says_since_when_and_how_to_run_it_again(window: Open, later: str) -> None:
    shown = window(later)
    shown.find("#cases > details", has_text=PARAMETERS).locator("summary").first.click()
    body = shown.find("#cases .body")
    assert "fails since run of 2026-11-23 15:58 UTC, 3 runs in a row" in body.inner_text()
    assert str(body.locator("a").first.get_attribute("href")).startswith("../run-1/report.html#rpi4%2F")
    line = body.locator(".again code").inner_text()
    assert shlex.split(line) == ["hil", "run", "--board", "rpi4", f"suites/queue/test_ring.py::{PARAMETERS}"]


@pytest.mark.parametrize("width", [PHONE, 1400])
def test_a_link_shows_a_test_from_its_top(window: Open, later: str, width: int) -> None:
    shown = window(later, width=width)
    for name in ("test_never_ran", "test_passes"):
        shown.evaluate(f"location.hash = cases.find((test) => test.id.includes('{name}')).anchor")
        opened = shown.find("#cases > details[open]", has_text=name)
        opened.locator(".body").wait_for()
        box = opened.bounding_box()
        assert box
        assert -1 <= box["y"] <= 40


def test_requirements_stand_against_boards_with_what_no_test_shows(window: Open, later: str) -> None:
    shown = window(later)
    rows = {row.split("\t")[0]: row for row in shown.find(".requirements tr").all_inner_texts()[1:]}
    assert rows["element E1"].endswith("passed")
    assert rows["element E2"].endswith("no test")
    assert rows["requirement REQ-2"].endswith("failed")
    shown.find(".requirements summary").first.click()
    shown.find(".requirements a").first.click()
    shown.find("#cases > details[open]", has_text="test_passes").wait_for()
    assert shown.overflow() == 0
    assert shown.low_contrast() == []


def test_a_phone_shows_tables_whole_with_names_beside_the_numbers(window: Open, later: str) -> None:
    shown = window(later, width=PHONE, touch=True)
    for table in ("suites", "requirements"):
        assert shown.evaluate(f"document.querySelector('.{table}').parentElement.scrollWidth") <= PHONE, table
    names = shown.evaluate(
        "[...document.querySelectorAll('.suites td.number:not(.none)')].map((cell) => cell.innerText "
        "+ getComputedStyle(cell, '::after').content.replaceAll('\"', ''))"
    )
    assert names == ["1 passed", "1 flaky", "2 failed", "2 lost to the lab", "1 xfailed", "1 quarantined", "104.6 s"]


def test_the_tests_come_before_what_ran(window: Open, later: str) -> None:
    headings = window(later).find("h2").all_inner_texts()
    assert headings[:3] == ["Look at first", "Suites", "Tests"]
    assert headings[-1] == "What ran"


def test_a_crash_is_told_in_words_and_places(window: Open, url: str) -> None:
    shown = window(f"{url}#rpi4%2Fsuites%2Fqueue%2Ftest_ring.py%3A%3Atest_panics")
    told = shown.find("#cases .crash").inner_text()
    assert "EL3: data abort, translation fault at level 3" in told
    assert "firmware/service/calls.c:118" in told
    assert "31 registers" in told


def test_a_failed_test_shows_what_it_did_printed_and_kept(window: Open, url: str) -> None:
    shown = window(url)
    open_all(shown)
    test = "#cases > details[data-case='1'] "
    steps = shown.evaluate(f'[...document.querySelectorAll("{test}.account li")].map((one) => one.innerText)')
    assert "resume" in steps[0], "steps of the framework stand where they happened"
    assert any("TPM2_GetRandom(bytesRequested=16)" in step for step in steps)
    assert any("212 actions left out" in step for step in steps)
    assert shown.evaluate(f'document.querySelector("{test}.steps").open')
    assert "refused" in shown.evaluate(f'document.querySelector("{test}.account li:last-child").className')
    assert "printed by the test" in shown.evaluate(f'document.querySelector("{test}.body").innerText')
    kept = shown.evaluate(f'document.querySelector("{test}.attachments").innerText')
    assert all(words in kept for words in ("a picture", "figures", "not kept: it has 9000000 bytes"))
    shown.wait_until(f'document.querySelector("{test}.attachments img").naturalWidth === 1')
    quiet = "#cases > details[data-case='0'] .steps"
    assert not shown.evaluate(f'document.querySelector("{quiet}").open'), "those of a test that passed are folded"


def test_attempts_are_tabs_that_arrows_move_between(window: Open, url: str) -> None:
    shown = window(f"{url}#rpi4%2Fsuites%2Fqueue%2Ftest_ring.py%3A%3Atest_is_flaky")
    chosen = shown.find("[role=tab][aria-selected=true]")
    assert "attempt 2: passed rpi4-2" in chosen.inner_text()
    chosen.focus()
    shown.page.keyboard.press("ArrowLeft")
    assert "attempt 1: failed" in shown.find("[role=tab][aria-selected=true]").inner_text()
    assert "lost a byte" in shown.find("[role=tabpanel]").inner_text()


def test_what_a_target_says_stays_text(window: Open, url: str) -> None:
    shown = window(url)
    open_all(shown)
    assert shown.evaluate("[...document.images].every((one) => one.src.startsWith('data:image/png;'))")
    said = shown.find("#cases pre").first.inner_text()
    assert "<img src=x onerror=alert(1)>" in said
    assert "\\x1b[31mred" in said
    assert shown.evaluate("/[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]/.test(document.body.innerText)") is False


def test_the_timeline_zooms_by_wheel_keys_and_buttons(window: Open, url: str) -> None:
    shown = window(url)
    svg = shown.find("#timeline svg")
    svg.scroll_into_view_if_needed()
    svg.hover()
    shown.page.mouse.wheel(0, -300)
    shown.wait_until("to - from < whole")
    svg.focus()
    shown.page.keyboard.press("0")
    assert shown.evaluate("[from, to - whole]") == [0, 0]
    shown.page.keyboard.press("+")
    shown.page.keyboard.press("ArrowLeft")
    assert shown.evaluate("[from < whole / 4, Math.abs(to - from - whole / 2) < 1e-6]") == [True, True]
    shown.find(
        "#timeline button",
    ).last.click()
    assert shown.evaluate("to === whole") is True


def test_the_timeline_is_pinched_on_a_phone(window: Open, url: str) -> None:
    shown = window(url, width=PHONE, touch=True)
    shown.find("#timeline").scroll_into_view_if_needed()
    shown.evaluate("""() => {
        svg.setPointerCapture = () => {};
        const touch = (type, pointerId, clientX) => svg.dispatchEvent(
            new PointerEvent(type, { pointerId, clientX, clientY: 0, pointerType: "touch", bubbles: true }));
        touch("pointerdown", 1, 150); touch("pointerdown", 2, 200);
        touch("pointermove", 2, 250); touch("pointerup", 1, 150); touch("pointerup", 2, 250);
    }""")
    assert shown.evaluate("Math.abs((to - from) / whole - 0.5) < 0.01") is True


def test_a_test_opens_when_its_bar_is_clicked(window: Open, url: str) -> None:
    shown = window(url)
    shown.find("#timeline").scroll_into_view_if_needed()
    box = shown.find("#timeline svg").bounding_box()
    assert box
    x = shown.evaluate("labelWidth() + 2.4 * scale()")
    shown.page.mouse.click(box["x"] + x, box["y"] + 12)
    shown.find("#cases > details[open]").wait_for()
    assert "test_panics" in shown.find("#cases > details[open] summary").first.inner_text()


def test_stages_delays_and_coverage_are_shown(window: Open, url: str) -> None:
    told = window(url).text()
    for said in (
        "usually 200 ms (150 ms to 900 ms)",
        "1 failed",
        "GetRandom, 16 bytes",
        "50.0 %: 2 of 4 lines",
        "lines that never ran",
        "100 µs",
        "f00df00df00d",
    ):
        assert said in told, said


def test_ten_thousand_tests_can_be_searched(window: Open, tmp_path: Path) -> None:
    cases = tuple(
        Case(f"suites/many/test_{n // 100}.py::test_{n}", Outcome.PASSED, 0.1, board="rpi4") for n in range(MANY)
    )
    shown = window(write_page(tmp_path, replace(record(), cases=cases)))
    assert f"{MANY} tests" in shown.find("#filter output").inner_text()
    assert shown.find("#cases > details").count() < MANY / 10
    shown.find("#filter input").fill("test_9876")
    assert shown.find("#cases > details").count() == 1
    shown.find("#cases summary").click()
    shown.find("#cases .body").wait_for()


def test_on_paper_every_test_is_there_and_dark_is_light(window: Open, url: str) -> None:
    shown = window(url, dark=True)
    shown.page.emulate_media(media="print")
    assert shown.find("#filter").is_visible() is False
    assert shown.low_contrast() == []
