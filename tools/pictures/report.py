"""Takes docs/pictures/report.png: what the page of a run shows first.

.venv/bin/python tools/pictures/report.py reports/latest
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

OUTPUT = Path("docs/pictures/report.png")


def main(run: Path) -> None:
    """Take the picture of the run in directory `run`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1000, "height": 860})
        page.goto((run / "report.html").absolute().as_uri())
        page.screenshot(path=OUTPUT)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
