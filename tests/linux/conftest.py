"""A machine over SSH, played by a server in this process; and the command loop of guests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import Endpoint, Login, PinnedHostKeys, Session
from hil.deadline import Deadline
from hil.linux import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulators.ssh import SshServer

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"


@pytest.fixture(scope="session")
def command_loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that executes commands in guests, built for this machine."""
    output = tmp_path_factory.mktemp("commands") / "hil-commands"
    flags = ["-std=c17", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    includes = [f"-I{FIRMWARE / 'linux' / 'commands'}", f"-I{FIRMWARE / 'baremetal'}"]
    shared = [FIRMWARE / "baremetal" / f"{name}.c" for name in ("codec", "dialogue", "reply", "words")]
    sources = sorted((FIRMWARE / "linux" / "commands").glob("*.c"))
    subprocess.run(["gcc", *flags, *includes, *sources, *shared, "-o", output], check=True, timeout=120)
    return output


@pytest.fixture
def session(server: SshServer, keys: Path) -> Iterator[Session]:
    endpoint, login = Endpoint("simulated", "127.0.0.1", server.port), Login("root", keys / "user")
    with Session.open(endpoint, login, PinnedHostKeys(), Deadline.after(10)) as session:
        yield session


@pytest.fixture
def machine(session: Session) -> Machine:
    return Machine("simulated", lambda: session)
