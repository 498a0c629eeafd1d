"""Several boards in one test, by their roles: the fixture `boards`, and the marker of the same name."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from hil.board.file import labgridenv
from hil.errors import ExitCode, UsageError
from hil.session.layers import Boards, Layers
from hil.session.plugin.environment import ROLES
from hil.session.plugin.session import SESSION
from hil.session.plugin.unsupported import Unsupported
from hil.session.roles import OPTION, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labgrid import Environment

    from hil.session.board import Board


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our option, which `hil run --board ROLE=NAME` uses."""
    parser.getgroup("hil").addoption(
        OPTION,
        metavar="ROLE=FILE",
        action="append",
        default=[],
        help="give a role to the board of a board file, besides the file that labgrid has",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Open the board files of all roles. Each is an environment of its own: two roles may have the same file."""
    try:
        roles = [Role.parse(text) for text in config.getoption(OPTION.removeprefix("--").replace("-", "_"))]
        if roles:
            config.stash[ROLES] = {role.name: _loaded(role) for role in roles}
    except UsageError as error:
        pytest.exit(str(error), returncode=ExitCode.USAGE)


@pytest.fixture(scope="session")
def opened_boards(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Board]]:
    """The boards that have roles; switched off when the run ends."""
    from hil.lab.places import connect_places

    environments = request.config.stash.get(ROLES, None)
    if environments is None:
        raise Unsupported("it needs several boards at once: hil run --board ROLE=NAME --board ROLE=NAME")
    opened: dict[str, Board] = {}
    try:
        for role, environment in environments.items():
            with _owning(role):
                connect_places(environment)
                opened[role] = request.config.stash[SESSION].open_role(role, labgridenv.target(environment))
        yield opened
    finally:
        for board in opened.values():
            board.off()
        for environment in environments.values():
            environment.cleanup()


@pytest.fixture
def boards(opened_boards: Mapping[str, Board]) -> Iterator[Boards]:
    """The boards of the roles that the test names by `@pytest.mark.boards`, each as `hil.connect` gives one.

    What a test uses of a board is in the state right after boot.
    """
    layers = {role: Layers(board) for role, board in opened_boards.items()}
    yield layers
    for role in layers.values():
        role.restart()


def _loaded(role: Role) -> Environment:
    with _owning(role.name):
        return labgridenv.load(role.board_file)


@contextlib.contextmanager
def _owning(role: str) -> Iterator[None]:
    """Be the owner of the role's place in the lab, if it has one: labgrid asks the environment for place and owner."""
    from hil.lab.seatset import role_environment

    before = dict(os.environ)
    os.environ.update(role_environment(role, os.environ))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
