"""`--gdb`: a test that fails stops, and gdb is connected to its board while that is still alive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hil.errors import ExitCode, HilError
from hil.session.plugin.session import SESSION

if TYPE_CHECKING:
    from hil.session.board import Board


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our option."""
    parser.getgroup("hil").addoption(
        "--gdb", action="store_true", help="connect gdb to the board of a test that fails, before the test ends"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse the option where there is no gdb, before any test fails."""
    if config.getoption("gdb"):
        from hil.session import gdb

        try:
            gdb.program()
        except HilError as error:
            pytest.exit(str(error), returncode=ExitCode.USAGE)


def pytest_exception_interact(node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]) -> None:
    """Stop in a failed test, as --pdb does; each of its boards in turn."""
    if not (isinstance(node, pytest.Item) and node.config.getoption("gdb") and call.excinfo):
        return
    session = node.config.stash[SESSION]
    capture = node.config.pluginmanager.getplugin("capturemanager")
    capture.suspend_global_capture(in_=True)
    try:
        for name, board in {"": session.board, **session.roles}.items():
            if board is not None:
                _debug(f"{node.nodeid}: {call.excinfo.exconly()}", name, board)
    finally:
        capture.resume_global_capture()


def _debug(why: str, name: str, board: Board) -> None:
    from hil.session import gdb

    print(
        f"\n{why}\ngdb on {name or board.name}; `levels` shows where it is, `quit` goes on with the tests", flush=True
    )
    try:
        gdb.debug(board)
    except HilError as error:
        print(error, flush=True)
