"""Tests that a board cannot run."""

from __future__ import annotations

from _pytest.outcomes import Skipped


class Unfit(Skipped):
    """The board lacks what the test needs. Another board may have it, so reports tell it from other skips."""

    __module__ = "builtins"
    __qualname__ = "Skipped"  # pytest cuts this off the reason that it shows
