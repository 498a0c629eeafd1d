from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

PROGRAM = "chromium-headless-shell"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 120


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which(PROGRAM)
    assert program, f"no {PROGRAM} on this machine; hil doctor --fix installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=FLAGS, timeout=START_SECONDS * 1000, chromium_sandbox=False
        )
        yield browser
        browser.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Window]]:
    """Opens pages; in the end none of them may have complained, or asked for anything that it should not."""
    opened: list[Window] = []

    def open_window(url: str, *, width: int = 1400, dark: bool = False, touch: bool = False) -> Window:
        opened.append(Window(browser, url, width=width, dark=dark, touch=touch))
        return opened[-1]

    yield open_window
    for one in opened:
        one.close()
