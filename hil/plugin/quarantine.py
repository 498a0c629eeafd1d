"""Finds the tests that are in quarantine, and lets them run for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode, UsageError
from hil.plugin.environment import board_file
from hil.quarantine import Entry, read
from hil.record import Quarantine
from hil.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMES = 5

ENTRIES = pytest.StashKey[tuple[Entry, ...]]()
QUARANTINED = pytest.StashKey[Quarantine]()
"""Why a test does not decide the verdict."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("hil")
    group.addoption(
        "--verify-quarantine",
        action="store_true",
        help="run only what is in quarantine, several times each, and say what is well again",
    )
    group.addoption(
        "--verify-times", type=int, default=TIMES, metavar="N", help=f"how often that is (default: {TIMES})"
    )


def repeats(config: pytest.Config) -> int:
    """Return how often each test is to run, however it ends; 0 when that is left to chance."""
    return max(config.getoption("verify_times"), 1) if config.getoption("verify_quarantine") else 0


def pytest_configure(config: pytest.Config) -> None:
    """Read the quarantine before anything runs."""
    board = board_file(config)
    if not board:
        return
    try:
        settings = Settings.of(config.rootpath)
        names = [one.stem for one in (config.rootpath / settings.board_files).glob("*.yaml")]
        entries = read(config.rootpath / settings.quarantine, names)
    except UsageError as error:
        pytest.exit(str(error), returncode=ExitCode.USAGE)
    config.stash[ENTRIES] = tuple(entry for entry in entries if entry.is_about(board.stem))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is in quarantine, before others leave anything out; refuse what is about no test."""
    entries = config.stash.get(ENTRIES, ())
    for item in items:
        for entry in entries:
            if entry.matches(item.nodeid):
                item.stash[QUARANTINED] = entry.why
    try:
        for entry in entries:
            _check(entry, config, [item.nodeid for item in items])
    except UsageError as error:
        pytest.exit(str(error), returncode=ExitCode.USAGE)
    if repeats(config):
        config.hook.pytest_deselected(items=[item for item in items if QUARANTINED not in item.stash])
        items[:] = [item for item in items if QUARANTINED in item.stash]


def _check(entry: Entry, config: pytest.Config, ids: Iterable[str]) -> None:
    """Refuse an entry that is about no test, as far as this run can tell: it may be one of a few suites only."""
    root = config.rootpath
    files = {file.relative_to(root).as_posix() for file in root.glob(entry.path) if file.is_file()}
    if not files:
        raise entry.refused("there is no such file", "a pattern is that of pytest's ids: suites/tpm/test_a.py::test_*")
    asked = {Path(argument.partition("::")[0]).absolute() for argument in config.args if "::" in argument}
    whole = {id.partition("::")[0] for id in ids if (root / id.partition("::")[0]) not in asked}
    if files <= whole and not any(entry.matches(id) for id in ids):
        raise entry.refused("there is no such test", f"in {', '.join(sorted(files))}")
