"""One pytest session: opens the record at its start, keeps the board, and ends in order when it is interrupted."""

from __future__ import annotations

import contextlib
import gc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil import coverage
from hil.account import listen
from hil.board.file import labgridenv
from hil.board.file.labgridenv import board_name
from hil.errors import ExitCode, RecordFailed, UsageError
from hil.interruption import raised_as_keyboard_interrupt
from hil.record import BoardOfRun, RolePlayed, Run
from hil.record.transcript import DirectorySink, MemorySink
from hil.session.assertions import refuse_without_assertions
from hil.session.board import describe, open_board, strategies
from hil.session.plugin import hooks
from hil.session.plugin.account import Tracer
from hil.session.plugin.attachments import Keeper, direct_to
from hil.session.plugin.board import Board, refuse_broken
from hil.session.plugin.classify import classify
from hil.session.plugin.consoles import Consoles
from hil.session.plugin.environment import ROLES, board_file, environment, environments
from hil.session.plugin.recorder import Recorder
from hil.session.plugin.rolebehind import role_behind
from hil.session.plugin.timeline import follow_steps
from hil.session.roles import RoleSink, name_of
from hil.settings import Settings
from hil.sockets import make_room_for_sockets

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from labgrid import Environment, Target

    from hil.record import RunWriter

LABGRID_ENVIRONMENT = "env"
"""labgrid's fixture that makes the targets of the board file."""


class BoardSession:
    """The state of one session: the run, the consoles, the recorder, and the board once a test has asked for it."""

    def __init__(self, run: RunWriter | None, described: BoardOfRun | None) -> None:
        self.run = run
        self.consoles = Consoles(DirectorySink(run.path, run.seat) if run else MemorySink())
        self.recorder = Recorder(run, self.consoles, lambda: self.stage, self.behind)
        self.board: Board | None = None
        self.roles: dict[str, Board] = {}
        self._described = described
        self._forks_again = True

    @property
    def stage(self) -> str:
        """The stage that the board has reached; of boards with roles, that of each."""
        if self.roles:
            return ", ".join(f"{role}: {board.stage}" for role, board in self.roles.items())
        return self.board.stage if self.board else ""

    def behind(self, error: BaseException) -> str:
        """Return which of several boards an error comes from, with its role; empty if there is only one."""
        role = role_behind(error, self.roles)
        return f"{role} ({board_name(self.roles[role].target)})" if role else ""

    def renew(self, environments: Iterable[Environment]) -> bool:
        """Switch the boards off, even failed ones, so that they boot anew; returns whether they can be used again."""
        used = [board.strategy for board in (self.board, *self.roles.values()) if board]
        for strategy in (found for env in environments for found in strategies(env)):
            if strategy.broken or any(strategy is known for known in used):
                try:
                    strategy.force("off")
                except Exception as error:
                    strategy.broken = error
                    self.recorder.add_fault(classify(error, ""))
                    return False
        return True

    def expect_forks(self, again: bool) -> None:
        """Note whether the board will be forked again after the running test."""
        self._forks_again = again
        if self.board:
            self.board.strategy.forks_again = again

    def open_board(self, target: Target) -> Board:
        """Wrap labgrid's `target` for the tests, and record its consoles."""
        self.board = open_board(target, self._described, self.consoles, Board)
        self.board.strategy.forks_again = self._forks_again
        if self.run:
            coverage.watch(target, self.run.path / (self.run.seat or self.board.name))
        return self.board

    def open_role(self, role: str, target: Target) -> Board:
        """Wrap the target of a board that has a role, and record its consoles under the name of the role."""
        directory = self.run.seat if self.run and self.run.seat else self._described.name if self._described else role
        self.roles[role] = open_board(target, self._described, RoleSink(self.consoles, directory, role), Board)
        return self.roles[role]


SESSION = pytest.StashKey[BoardSession]()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add our hooks."""
    pluginmanager.add_hookspecs(hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    parser.getgroup("hil").addoption(
        "--hil-reports",
        metavar="DIR",
        help="write run directories here (default: reports/ below the root of the tree)",
    )
    parser.getgroup("hil").addoption(
        "--hil-why",
        metavar="REASON",
        default="",
        help="for the record: why this board was chosen",
    )
    parser.getgroup("hil").addoption(
        "--hil-label", metavar="LABEL", default="", help="label the run, such as nightly; latest-LABEL is the newest"
    )
    parser.getgroup("hil").addoption(
        "--hil-firmware", metavar="DIR", type=Path, help="take the board's images from this directory"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the board file, to name a mistake in one line before labgrid shows a traceback."""
    path = board_file(config)
    if path:
        try:
            refuse_without_assertions()
            make_room_for_sockets()
            labgridenv.check_file(path)
        except UsageError as error:
            pytest.exit(str(error), returncode=ExitCode.USAGE)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the record, if there is a board, and register the recorder."""
    config = session.config
    env = environment(config)
    if directory := config.getoption("hil_firmware"):
        for used in environments(config):
            _take_images(used, directory)
    board = _described(config, env) if env and not config.option.collectonly else None
    run = config.hook.pytest_hil_open_run(config=config, board=board) if board else None
    config.stash[SESSION] = opened = BoardSession(run, board)
    config.pluginmanager.register(opened.recorder, "hil-recorder")
    if run and board:
        tracer = Tracer(config) if config.getoption("hil_trace") else None
        config.add_cleanup(follow_steps(run, opened.recorder.add_step, tracer.add_step if tracer else None))
        if tracer:
            config.pluginmanager.register(tracer, "hil-tracer")
        config.add_cleanup(listen(opened.recorder.add_action))
        keeper = Keeper(run.path, run.path / (run.seat or board.name))
        direct_to(partial(opened.recorder.keep, keeper))
        config.add_cleanup(partial(direct_to, None))
    # As Ctrl-C, so that the board is switched off and the record closed.
    interruptions = contextlib.ExitStack()
    interruptions.enter_context(raised_as_keyboard_interrupt())
    config.add_cleanup(interruptions.close)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Take what is there by now for no garbage: pytest collects five times at its end, and modules are most of it."""
    if environment(session.config) and not session.config.option.collectonly:
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Have the next fork prepared only if another test follows: it costs as much as a fork."""
    item.config.stash[SESSION].expect_forks(nextitem is not None)
    return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Block a test whose board has failed. labgrid would skip it, and a dead board would look green."""
    if {"board", "boards", "strategy"} & set(getattr(item, "fixturenames", ())):
        refuse_broken(environments(item.config))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> Generator[None]:
    """Connect to the lab before labgrid makes the targets, which it would do in its own way."""
    if fixturedef.argname == LABGRID_ENVIRONMENT and (env := environment(request.config)):
        from hil.lab.places import connect_places

        connect_places(env)
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_hil_open_run(config: pytest.Config, board: BoardOfRun) -> RunWriter:
    """Open a run directory for this session alone."""
    reports = Path(
        config.getoption("hil_reports") or config.rootpath / Settings.from_directory(config.rootpath).reports
    )
    try:
        return Run(
            reports,
            board,
            root=config.rootpath,
            fail_on_flaky=config.getoption("fail_on_flaky"),
            label=config.getoption("hil_label"),
        )
    except (RecordFailed, UsageError) as error:
        pytest.exit(str(error), returncode=error.exit_code)


def _described(config: pytest.Config, env: Environment) -> BoardOfRun:
    """Return what the record says of the board, or of all boards that have roles."""
    why, roles = config.getoption("hil_why"), config.stash.get(ROLES, {})
    if not roles:
        return describe(env, config.rootpath, why)
    described = {role: describe(used, config.rootpath) for role, used in roles.items()}
    boards = [*described.values()]
    played = tuple(RolePlayed(role, board.name, board.provenance) for role, board in described.items())
    return BoardOfRun(name_of([board.name for board in boards]), boards[0].provenance, why, played)


def _take_images(env: Environment, directory: Path) -> None:
    try:
        labgridenv.take_images(env, directory)
    except UsageError as error:
        pytest.exit(str(error), returncode=ExitCode.USAGE)
