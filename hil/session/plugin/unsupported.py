"""The skip of a test that the board does not support."""

from __future__ import annotations

from _pytest.outcomes import Skipped  # mypy lets no class derive from pytest.skip.Exception


class Unsupported(Skipped):
    """The board lacks what the test needs. Another board may have it, so reports count it apart from other skips."""

    __module__ = "builtins"
    __qualname__ = "Skipped"  # pytest cuts this off the reason that it shows
