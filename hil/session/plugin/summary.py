"""Prints the summary of the run at the end of a session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.session.plugin.session import SESSION

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Print the table of suites, in plain text if the output is no terminal."""
    session = config.stash.get(SESSION, None)
    record = session.recorder.record if session else None
    if session is None or session.run is None or record is None:
        return
    from rich.console import Console

    from hil.report.github import tell_github
    from hil.report.summary import summary

    # Width and colours as pytest has decided on them, by its options and the terminal: nothing public says them.
    writer = terminalreporter._tw
    console = Console(width=writer.fullwidth, force_terminal=writer.hasmarkup, highlight=False, soft_wrap=True)
    with console.capture() as output:
        console.print(summary(record, _shown(session.run.path), plain=not writer.hasmarkup))
    terminalreporter.section("hil")
    terminalreporter.write(output.get())
    tell_github(record, session.run.path, config.rootpath, terminalreporter.write_line)
    if session.recorder.unwritten:
        terminalreporter.write_line(f"error: {session.recorder.unwritten}", red=True)


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
