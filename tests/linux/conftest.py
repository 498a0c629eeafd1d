"""A machine over SSH, played by a server in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import Endpoint, Login, PinnedHostKeys, Session
from hil.deadline import Deadline
from hil.linux import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.simulators.ssh import SshServer


@pytest.fixture
def session(server: SshServer, keys: Path) -> Iterator[Session]:
    endpoint, login = Endpoint("simulated", "127.0.0.1", server.port), Login("root", keys / "user")
    with Session.open(endpoint, login, PinnedHostKeys(), Deadline.after(10)) as session:
        yield session


@pytest.fixture
def machine(session: Session) -> Machine:
    return Machine("simulated", lambda: session)
