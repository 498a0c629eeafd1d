"""Shows what was done on the board: the last actions of a test that failed, or all of them live, with `--hil-trace`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hil.account import listen
from hil.record.account import duration, entry_of
from hil.report.headlines import sections
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.account import Action
    from hil.record import ConsoleSlice, Step
    from hil.session.plugin.progress import AttemptProgress


def show(report: pytest.TestReport, attempt: AttemptProgress, console: Iterable[ConsoleSlice]) -> None:
    """Add the last actions of an attempt, and what the consoles said last, to the report of its failure.

    pytest prints these sections after those with what it captured.
    """
    for heading, text in sections(attempt.account.entries(attempt.began), console):
        report.sections.append((heading, visible(text)))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our option."""
    parser.getgroup("hil").addoption(
        "--hil-trace", action="store_true", help="show what is done on the board, as it is done"
    )


@pytest.hookimpl(trylast=True)
def pytest_hil_trace(config: pytest.Config, line: str) -> bool:
    """Write a line to the terminal, past pytest's capture of what tests print."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if terminal is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(line)
    return True


class Tracer:
    """Passes on what is done on the board, as it is done, with times since the test began."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = time.monotonic()
        config.add_cleanup(listen(self._take))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin a test: its name is a line of its own."""
        self._began = time.monotonic()
        self._show(f"--- {nodeid}")

    def add_step(self, step: Step) -> None:
        """Show a step of the framework."""
        self._show(
            f"{time.monotonic() - self._began - step.duration:9.3f} s {duration(step.duration):>9}   {step.name}"
        )

    def _take(self, action: Action) -> None:
        self._show(entry_of(action, self._began).line)

    def _show(self, line: str) -> None:
        self._config.hook.pytest_hil_trace(config=self._config, line=visible(line))
