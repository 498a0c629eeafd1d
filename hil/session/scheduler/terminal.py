"""What a terminal is good for: whether a run can be shown on it, and which options of pytest need it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

CI = "CI"
"""Set by GitLab, GitHub and others, where a terminal ends up in a log."""
TELLS_ONLY = {"--collect-only", "--co", "--fixtures", "--markers"}
"""Options with which pytest runs nothing, so that there is no record."""
FOR_ONE_BOARD = {"--pdb", "--gdb", *TELLS_ONLY}
"""Options of pytest that need the terminal."""


def is_interactive(console: Console) -> bool:
    """Whether a person looks at this console, on a terminal that can be redrawn."""
    return console.is_terminal and not console.is_dumb_terminal and not os.environ.get(CI)
