"""A run whose record cannot be written ends, and says so."""

from __future__ import annotations

import os
import resource
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.checkout import BOARD, HIL, ROOT

if TYPE_CHECKING:
    from tests.cli.checkout import Checkout

LARGEST_FILE = 16 * 1024
"""What the kernel allows the run to write into one file: to it that is as good as a full disk."""


@pytest.mark.parametrize("boards", [["fake-board"], ["fake-board", "other-board"]], ids=["one board", "two boards"])
def test_a_run_that_cannot_be_recorded_stops_and_says_why(checkout: Checkout, boards: list[str]) -> None:
    for board in boards:
        (checkout.path / "boards" / f"{board}.yaml").write_text(BOARD)
    checkout.suite(
        """
        @pytest.mark.parametrize("number", range(200))
        def test_a(monitor, number): pass
        """
    )
    done = subprocess.run(
        [*HIL, "run", *(f"--board={board}" for board in boards)],
        cwd=checkout.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE)),
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "cannot be written: File too large" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (checkout.path / "reports" / "latest" / "junit.xml").exists()
