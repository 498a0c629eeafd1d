"""A run whose record cannot be written ends, and says so."""

from __future__ import annotations

import os
import resource
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.paths import HIL
from hil.record import Verdict, load
from tests.cli.checkout import BOARD, ROOT

if TYPE_CHECKING:
    from tests.cli.checkout import Checkout

LARGEST_FILE = 16 * 1024
"""What the kernel allows the run to write into one file: to it that is as good as a full disk."""


FILES = ("report.html", "run.json", "events.jsonl", "junit.xml")
"""What a run writes; the first is by far the largest."""
MANY = """
@pytest.mark.parametrize("number", range(200))
def test_a(monitor, number): pass
"""


@pytest.mark.parametrize("boards", [["fake-board"], ["fake-board", "other-board"]], ids=["one board", "two boards"])
def test_a_run_that_cannot_be_recorded_stops_and_says_why(checkout: Checkout, boards: list[str]) -> None:
    checkout.suite(MANY)
    said = run_out_of_space(checkout, boards, LARGEST_FILE)
    assert "the record in " in said
    assert not (checkout.path / "reports" / "latest" / "junit.xml").exists()


def test_a_run_whose_record_cannot_even_be_begun_says_why(checkout: Checkout) -> None:
    assert "the record in " in run_out_of_space(checkout, ["fake-board"], 512)


def test_a_run_whose_reports_cannot_be_written_says_why_and_has_its_record(checkout: Checkout) -> None:
    checkout.hil("run", "--board=fake-board")
    page, *others = sorted(
        ((checkout.path / "reports" / "latest" / name).stat().st_size for name in FILES), reverse=True
    )
    said = run_out_of_space(checkout, ["fake-board"], (page + max(others)) // 2)
    assert "the reports in " in said
    assert load(checkout.path / "reports" / "latest").verdict is Verdict.PASSED
    assert not (checkout.path / "reports" / "latest" / "report.html").exists()


def run_out_of_space(checkout: Checkout, boards: list[str], largest: int) -> str:
    """Run the suites where no file can be larger; returns what was said, after checks that hold whatever it was."""
    for board in boards:
        (checkout.path / "boards" / f"{board}.yaml").write_text(BOARD)
    # What measures coverage would write, too, and say so when it cannot.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [*HIL, "run", *(f"--board={board}" for board in boards)],
        cwd=checkout.path,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},  # Python would leave torn files
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
    )
    said = done.stdout + done.stderr
    assert done.returncode == 3, said
    assert "cannot be written: File too large" in said
    assert "make space" in said
    assert "Traceback" not in said
    return said
