from __future__ import annotations

import fcntl
import itertools
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = itertools.count()

pytest_plugins = ["tests.docs.built", "tests.simulators.fixtures"]

# A shell that starts a run in the background has it ignore SIGINT, nohup has it ignore SIGHUP, and every child inherits
# that; tests of what a signal does need one that arrives.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def device_root(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep locks and notes on hardware apart from those of this machine and of other tests."""
    directory = tmp_path_factory.getbasetemp() / f"devices-{next(_NUMBERS)}"
    monkeypatch.setenv("HIL_DEVICES", str(directory))
    return directory


@pytest.fixture(scope="module")
def loop_devices() -> Iterator[None]:
    """Have the loop devices of this machine to ourselves: which one is free is known only until somebody takes it."""
    with Path("/run/lock/hil-tests-loop-devices").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of this ran on the emulator."""
    calls = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
    ]
    emulated = sum("emulator" in report.keywords for report in calls)
    terminalreporter.write_line(f"{emulated} of {len(calls)} tests ran on the emulator")
