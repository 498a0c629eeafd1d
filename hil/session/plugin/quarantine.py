"""Marks the tests in quarantine, and runs only these with `--verify-quarantine`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode, UsageError
from hil.record import Quarantine
from hil.record.quarantine import QuarantineEntry, of_tree
from hil.session.plugin.environment import board_file
from hil.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMES = 5

ENTRIES = pytest.StashKey[tuple[QuarantineEntry, ...]]()
QUARANTINED = pytest.StashKey[Quarantine]()
"""The entry by which a test does not decide the verdict."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("hil")
    group.addoption(
        "--verify-quarantine",
        action="store_true",
        help="run only the tests in quarantine, several times each, and report which ones pass again",
    )
    group.addoption(
        "--verify-times",
        type=int,
        default=TIMES,
        metavar="N",
        help=f"how often to run each of them (default: {TIMES})",
    )


def repeats(config: pytest.Config) -> int:
    """Return how often each test is to run, whatever its outcome; 0 without `--verify-quarantine`."""
    return max(config.getoption("verify_times"), 1) if config.getoption("verify_quarantine") else 0


def nothing_to_verify(config: pytest.Config) -> bool:
    """Whether the quarantine is to be verified, and nothing is in it: the one run that may be empty."""
    return bool(repeats(config)) and not config.stash.get(ENTRIES, ())


def pytest_configure(config: pytest.Config) -> None:
    """Read the quarantine before anything runs."""
    board = board_file(config)
    if not board:
        return
    try:
        entries = of_tree(config.rootpath)
    except UsageError as error:
        pytest.exit(str(error), returncode=ExitCode.USAGE)
    config.stash[ENTRIES] = tuple(entry for entry in entries if entry.is_about(board.stem))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests in quarantine, before other plugins deselect any; refuse entries that match no test."""
    entries = config.stash.get(ENTRIES, ())
    for item in items:
        for entry in entries:
            if entry.matches(item.nodeid):
                item.stash[QUARANTINED] = entry.why
    try:
        _check(entries, config, [item.nodeid for item in items])
    except UsageError as error:
        pytest.exit(str(error), returncode=ExitCode.USAGE)
    if repeats(config):
        config.hook.pytest_deselected(items=[item for item in items if QUARANTINED not in item.stash])
        items[:] = [item for item in items if QUARANTINED in item.stash]


def _check(entries: Sequence[QuarantineEntry], config: pytest.Config, ids: Sequence[str]) -> None:
    """Refuse an entry that matches no test, as far as this run can tell: it may have collected a few suites only.

    An entry is judged by the files that it matches. Whether a test is missing is known only for files that are
    collected as a whole; whether a file is missing is always known.
    """
    if not entries:
        return
    root = config.rootpath
    collected = {id.partition("::")[0] for id in ids}
    asked = {Path(argument.partition("::")[0]).absolute() for argument in config.args if "::" in argument}
    whole = {file for file in collected if root / file not in asked}
    suites = root / Settings.from_directory(root).suites
    there = {file for pattern in config.getini("python_files") for file in suites.rglob(pattern)}
    known = collected | {file.relative_to(root).as_posix() for file in there}
    for entry in entries:
        files = {file for file in known if entry.is_in(file)}
        if not files and not (root / entry.test.partition("::")[0]).is_file():
            raise entry.refused("there is no such file", "it begins as pytest's ids: suites/tpm/test_a.py::test_*")
        if files and files <= whole and not any(entry.matches(id) for id in ids):
            raise entry.refused("there is no such test", f"in {', '.join(sorted(files))}")
