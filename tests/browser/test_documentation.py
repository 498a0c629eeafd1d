"""The documentation site as people read it: on a phone, in the dark, without a server and without a network."""

from __future__ import annotations

import contextlib
import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.browser.window import Window

    Open = Callable[..., Window]

PHONE = 390
WORD = "doorbell"
"""In several pages."""
SCHEME = "document.body.dataset.mdColorScheme"
READY = "document.querySelector('html.js') && document.querySelector('[data-md-component=palette] label:not([hidden])')"
CUT_OFF = """() => {
	const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
	const inBox = (element) => element && (scrolls(element) || inBox(element.parentElement));
	const tooWide = (element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
	return [...document.querySelectorAll("article *")].filter((element) => tooWide(element) && !inBox(element))
		.map((element) => element.outerHTML.slice(0, 80));
}"""
"""What of a page is beyond its right edge and cannot be scrolled to."""
SQUEEZED = """() => [...document.querySelectorAll("article td")]
	.filter((cell) => cell.textContent.length >= 40 && cell.getBoundingClientRect().width < 200)
	.map((cell) => cell.textContent)"""
"""Sentences in columns that are hardly wider than a word."""


@pytest.fixture(params=["file", "http"])
def address(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """Where the site is: its files, or a server for them."""
    with contextlib.ExitStack() as closing:
        if request.param == "file":
            yield site.as_uri()
            return
        server = closing.enter_context(
            ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(site)))
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        closing.callback(server.shutdown)
        yield f"http://127.0.0.1:{server.server_address[1]}"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def pages(site: Path) -> list[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) > 40
    return found


def test_every_page_fits_a_phone_and_fetches_nothing_from_elsewhere(window: Open, site: Path) -> None:
    phone = window((site / "index.html").as_uri(), width=PHONE)
    faults = {}
    for page in pages(site):
        phone.page.goto(page.as_uri())
        seen = (phone.overflow(), phone.evaluate(CUT_OFF), phone.evaluate(SQUEEZED))
        if seen != (0, [], []):
            faults[page.relative_to(site)] = seen
    assert faults == {}
    assert [request for request in phone.requests if not request.startswith(site.as_uri())] == []


@pytest.mark.parametrize("dark", [False, True])
def test_every_page_can_be_read_in_both_colour_schemes(window: Open, site: Path, *, dark: bool) -> None:
    shown = window((site / "index.html").as_uri(), dark=dark)
    faults = {}
    for page in pages(site):
        shown.page.goto(page.as_uri())
        assert shown.evaluate(SCHEME) == ("slate" if dark else "default")
        if pale := shown.low_contrast():
            faults[page.relative_to(site)] = pale
    assert faults == {}


def test_the_colour_scheme_can_be_chosen_and_stays_chosen(window: Open, site: Path) -> None:
    shown = window((site / "index.html").as_uri(), dark=True)
    shown.wait_until(READY)
    seen = []
    for _ in range(3):
        shown.page.click("[data-md-component=palette] label:not([hidden])")
        seen.append(shown.evaluate(SCHEME))
    assert seen == ["default", "slate", "slate"], "light, dark, and again that of the system"
    shown.page.click("[data-md-component=palette] label:not([hidden])")
    shown.page.goto((site / "lab.html").as_uri())
    assert shown.evaluate(SCHEME) == "default"


def test_search_finds_a_word_and_leads_to_it(window: Open, address: str) -> None:
    shown = window(f"{address}/index.html")
    shown.page.click(".md-search__input")
    shown.page.keyboard.type(WORD)
    shown.find(".md-search-result__link", has_text=WORD).first.click()
    shown.page.wait_for_url(f"**/*.html?h={WORD}*")
    shown.find("article mark", has_text=WORD).first.wait_for()


def test_search_works_in_a_folder_of_the_site_and_says_when_there_is_nothing(window: Open, address: str) -> None:
    shown = window(f"{address}/boards/rpi4.html")
    shown.page.click(".md-search__input")
    shown.page.keyboard.type("xyzzyplugh")
    shown.find(".md-search-result__meta", has_text="No matching documents").wait_for()


def test_a_block_of_commands_can_be_copied(window: Open, site: Path) -> None:
    shown = window((site / "tutorial.html").as_uri())
    block = shown.find(".language-sh.highlight", has_text="\n").first
    block.hover()
    block.locator("button[data-md-type=copy]").click()
    shown.find(".md-dialog", has_text="Copied to clipboard").wait_for()
    shown.evaluate("document.body.append(Object.assign(document.createElement('textarea'), { id: 'paste' }))")
    shown.page.focus("#paste")
    shown.page.keyboard.press("Control+V")
    assert shown.page.input_value("#paste").strip() == block.locator("code").inner_text().strip()


def test_code_is_highlighted(window: Open, site: Path) -> None:
    shown = window((site / "tutorial.html").as_uri())
    colours = "(words) => [...new Set(words.map((word) => getComputedStyle(word).color))]"
    assert len(shown.find(".language-python code span").evaluate_all(colours)) > 3
