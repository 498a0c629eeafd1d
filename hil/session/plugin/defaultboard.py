"""Gives plain pytest a board, as an editor's test button calls it: the one that `hil run` would take here."""

from __future__ import annotations

import codecs
import contextlib
import locale
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.errors import HilError, UsageError
from hil.session.plugin.environment import board_file
from hil.settings import Settings, uses_hil

if TYPE_CHECKING:
    from hil.lab.boards.choice import Choice
    from hil.lab.boards.reach import Unavailability

TELLS_ONLY = ("collectonly", "showfixtures", "show_fixtures_per_test", "markers", "version", "help", "setupplan")
"""Options with which pytest runs nothing."""
SKIP_OF_LABGRID = "missing environment config"
"""How the reason of labgrid begins for skipping every test that needs a board, if none was named."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose a board if suites are to run and none was named; without a usable one the session ends."""
    _choose_board(config)
    if file := board_file(config):
        _require_utf8(Path(file))


def _choose_board(config: pytest.Config) -> None:
    root = config.rootpath
    needs_one = config.pluginmanager.hasplugin("labgrid") and uses_hil(root) and board_file(config) is None
    if not needs_one or any(config.getoption(name, None) for name in TELLS_ONLY):
        return
    try:
        settings = Settings.from_directory(root)
        if not _has_suites(config, root / settings.suites):
            return
        choice = _choose(root, settings)
        file = root / settings.board_files / f"{choice.board}.yaml"
        _hold(config, file)
    except HilError as error:
        pytest.exit(str(error), returncode=error.exit_code)
    config.option.lg_env = str(file)
    config.option.hil_why = f"[tool.hil]: {choice.why}"


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which board it is, and why."""
    why = config.getoption("hil_why")
    return f"board: {Path(config.option.lg_env).stem} ({why})" if why and board_file(config) else None


def _require_utf8(file: Path) -> None:
    """End the session where labgrid, which reads in the locale's encoding, could not read a board file or misread it.

    `hil run` starts Python in its UTF-8 mode; for pytest, only whoever starts it can.
    """
    encoding = locale.getpreferredencoding(False)
    if sys.flags.utf8_mode or codecs.lookup(encoding).name == "utf-8":
        return
    with contextlib.suppress(OSError):
        if not file.read_bytes().isascii():
            error = UsageError(
                f"{file} has characters that are not ASCII, and labgrid would read it as {encoding}",
                hint="PYTHONUTF8=1, or a locale with UTF-8 such as LC_ALL=C.UTF-8",
            )
            pytest.exit(str(error), returncode=error.exit_code)


def lacks_board(error: BaseException | None) -> UsageError | None:
    """Return what to say of a test that labgrid skips because no board was named: that must not look green."""
    if not (isinstance(error, pytest.skip.Exception) and str(error.msg).startswith(SKIP_OF_LABGRID)):
        return None
    return UsageError(
        "this test needs a board, and none was named",
        hint="hil run --board NAME; pytest --lg-env boards/NAME.yaml; or a table [tool.hil] in pyproject.toml",
    )


def _has_suites(config: pytest.Config, suites: Path) -> bool:
    """Whether some of what pytest was asked for is in the folder of the suites, or around it."""
    suites = suites.resolve()
    if not suites.is_dir():
        return False
    asked = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    return any(path.is_relative_to(suites) or suites.is_relative_to(path) for path in asked)


def _choose(root: Path, settings: Settings) -> Choice:
    from hil.board.file.boardfile import BoardFile
    from hil.lab.boards.choice import choose, order
    from hil.lab.boards.lab import Places
    from hil.lab.boards.reach import Obstacle, Unavailability, why_unavailable

    folder = root / settings.board_files
    nowhere = Places(lambda: [])  # a board of the lab has to be leased, which takes `hil run`

    def unavailable(name: str) -> Unavailability | None:
        try:
            if not (folder / f"{name}.yaml").is_file():
                return Unavailability(Obstacle.FILE, f"there is no {folder / f'{name}.yaml'}")
            board = BoardFile.read(folder / f"{name}.yaml")
        except UsageError as error:
            return Unavailability(Obstacle.FILE, error.message)
        return why_unavailable(board.resources, board.tools.values(), nowhere)

    return choose(order(folder, settings.boards), unavailable, lambda _: False)


def _hold(config: pytest.Config, file: Path) -> None:
    """Have the board to ourselves until the session ends, as `hil run` has it."""
    from hil.board.file.boardfile import BoardFile
    from hil.lab.boards.hold import held

    holding = contextlib.ExitStack()
    holding.enter_context(held(BoardFile.read(file)))
    config.add_cleanup(holding.close)
