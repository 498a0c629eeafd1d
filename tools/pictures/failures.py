"""Takes docs/pictures/failures-*: what terminal and page show of tests that fail, each in another way.

.venv/bin/python tools/pictures/failures.py

The documents show the page on a wide light screen and on a narrow dark one. The other two ways round, and the whole
page in all four, are in build/pictures, to be looked at.
"""

from __future__ import annotations

import io
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from playwright.sync_api import sync_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from hil.record import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, ViewportSize

OUTPUT = Path("docs/pictures")
OTHERS = Path("build/pictures")
SUITE = Path("tools/pictures/failing/test_failures.py")
BUILD = Path("build/qemu-virt")
HANGS = "test_boot_reaches_the_monitor"
ENDLESS_LOOP = bytes.fromhex("00000014")
"""`b .`: Arm ARM DDI 0487, C6.2.26."""
COLUMNS = 132
FONT = "ui-monospace, DejaVu Sans Mono, monospace"
NARROW, WIDE = 390, 1100
SCALE = {NARROW: 2, WIDE: 1}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOWN = {(WIDE, "light"), (NARROW, "dark")}


def main() -> None:
    """Run the tests that fail, and take a picture of each in the terminal and on the page."""
    OTHERS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        reports = Path(directory)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), args=["--no-sandbox"]
        )
        for expression, more in ((f"not {HANGS}", ["--no-build"]), (HANGS, ["--firmware", str(_hanging(reports))])):
            shown = _run(reports, "-k", expression, *more)
            run = (reports / "latest").resolve()
            for case in load(run).cases:
                if not case.attempts:
                    continue
                name = case.id.rpartition("::")[2]
                title = name.removeprefix("test_").replace("_", "-")
                _draw_terminal(name, _section(shown, name), OUTPUT / f"failures-{title}.svg")
                for width, scheme in itertools.product((WIDE, NARROW), SCHEMES):
                    with _window(browser, width, scheme) as page:
                        _take(page, run, name, _file(f"failures-{title}", width, scheme))
            for width, scheme in itertools.product((WIDE, NARROW), SCHEMES):
                with _window(browser, width, scheme) as page:
                    _open(page, run)
                    page.screenshot(path=OTHERS / f"page-{len(more)}-{width}-{scheme}.png", full_page=True)
        browser.close()


@contextmanager
def _window(browser: Browser, width: int, scheme: Literal["light", "dark"]) -> Iterator[Page]:
    viewport: ViewportSize = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, device_scale_factor=SCALE[width])
    try:
        yield context.new_page()
    finally:
        context.close()


def _file(name: str, width: int, scheme: str) -> Path:
    if (width, scheme) in SHOWN:
        return OUTPUT / f"{name}-{scheme}.png"
    return OTHERS / f"{name}-{width}-{scheme}.png"


def _run(reports: Path, *arguments: str) -> str:
    command = ["hil", "run", "--board", "qemu-virt", "--no-linux", "--color=yes", f"--hil-reports={reports}"]
    ran = subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:], *arguments, str(SUITE)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": str(COLUMNS)},
    )
    return ran.stdout


def _hanging(directory: Path) -> Path:
    """Return a directory with firmware in which the monitor is an endless loop."""
    flash, monitor = ((BUILD / name).read_bytes() for name in ("flash.bin", "monitor.bin"))
    at = flash.index(monitor)
    made = directory / "hangs"
    made.mkdir()
    loop = ENDLESS_LOOP * (len(monitor) // len(ENDLESS_LOOP))
    (made / "flash.bin").write_bytes(flash[:at] + loop + flash[at + len(loop) :])
    return made


def _section(shown: str, name: str) -> str:
    """Return what pytest shows of one failure."""
    plain = re.compile(rf"^\S*_+ {name} _+\S*$.*?(?=^\S*(_{{5,}} \w+ _{{5,}}|={{5,}})|\Z)", re.MULTILINE | re.DOTALL)
    found = plain.search(shown)
    return found[0] if found else shown


def _draw_terminal(name: str, text: str, file: Path) -> None:
    console = Console(record=True, width=COLUMNS, force_terminal=True, file=io.StringIO(), highlight=False)
    console.print(Text.from_ansi(text.rstrip()))
    without_fonts = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    drawn = console.export_svg(title=f"hil run ... {name}", code_format=without_fonts.replace("Fira Code", FONT))
    file.write_text(re.sub(r"\n\s*<!--.*?-->", "", drawn), encoding="utf-8")


def _open(page: Page, run: Path) -> None:
    page.goto((run / "report.html").as_uri())
    page.locator("#cases summary").first.wait_for()


def _take(page: Page, run: Path, name: str, file: Path) -> None:
    _open(page, run)
    number = page.evaluate("(name) => cases.findIndex((one) => one.id.endsWith(name))", name)
    row = page.locator(f'[data-case="{number}"]')
    row.evaluate("(one) => { one.open = true; }")
    row.locator(".body").wait_for()
    row.screenshot(path=file)


if __name__ == "__main__":
    main()
