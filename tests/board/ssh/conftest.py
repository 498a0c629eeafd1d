from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import Endpoint, Login, PinnedHostKeys, Session
from hil.deadline import Deadline
from tests.simulators.ssh import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.simulators.ssh import SshServer

BOARD = "simulated"


class Bell:
    """Rings like the alarm of a board."""

    def __init__(self, error: Exception) -> None:
        self._fd = os.eventfd(0)
        self._error = error
        self._rung = False

    def ring(self) -> None:
        self._rung = True
        os.eventfd_write(self._fd, 1)

    def fileno(self) -> int:
        return self._fd

    def check(self) -> None:
        if self._rung:
            raise self._error


@pytest.fixture
def wire(server: SshServer) -> Iterator[Wire]:
    wire = Wire(server.port)
    yield wire
    wire.close()


@pytest.fixture
def login(keys: Path) -> Login:
    return Login("root", keys / "user")


@pytest.fixture
def pins(tmp_path: Path) -> PinnedHostKeys:
    return PinnedHostKeys(tmp_path / "known_hosts")


@pytest.fixture
def connect(login: Login, pins: PinnedHostKeys) -> Callable[..., Session]:
    """Open a session to a local port within some seconds."""

    def connect(port: int, seconds: float = 10, *, login: Login = login) -> Session:
        return Session.open(Endpoint(BOARD, "127.0.0.1", port), login, pins, Deadline.after(seconds))

    return connect


@pytest.fixture
def session(connect: Callable[..., Session], wire: Wire) -> Iterator[Session]:
    with connect(wire.port) as session:
        yield session
