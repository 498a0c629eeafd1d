r"""Takes docs/pictures/report.png and report-phone.png: what the page of a run shows first.

.venv/bin/hil run --board qemu-virt --no-linux suites/service suites/boot tools/pictures/failing \
    --deselect tools/pictures/failing/test_failures.py::test_boot_reaches_the_monitor
.venv/bin/python tools/pictures/report.py reports/latest
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

OUTPUT = Path("docs/pictures")
PICTURES: tuple[tuple[str, ViewportSize, Literal["light", "dark"]], ...] = (
    ("report.png", {"width": 1000, "height": 1300}, "light"),
    ("report-phone.png", {"width": 390, "height": 1300}, "dark"),
)


def main(run: Path) -> None:
    """Take the pictures of the run in directory `run`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), args=["--no-sandbox"]
        )
        for name, viewport, scheme in PICTURES:
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            page.goto((run / "report.html").absolute().as_uri())
            page.locator("#cases summary").first.wait_for()
            page.screenshot(path=OUTPUT / name)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
