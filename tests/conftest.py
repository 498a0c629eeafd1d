from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["tests.simulators.fixtures"]

# A shell that starts a run in the background has it ignore SIGINT, and every child inherits that; tests of what an
# interrupt does need a signal that arrives.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of this ran on the emulator."""
    calls = [
        one for reports in terminalreporter.stats.values() for one in reports if getattr(one, "when", "") == "call"
    ]
    emulated = sum("emulator" in one.keywords for one in calls)
    terminalreporter.write_line(f"{emulated} of {len(calls)} tests ran on the emulator")
