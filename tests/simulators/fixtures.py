"""A simulated SSH server for every test that wants one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulators.ssh import SshServer, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the keys of the host and of the user, and other ones."""
    directory = tmp_path_factory.mktemp("keys")
    for name in ("host", "user", "other"):
        new_key(directory, name)
    return directory


@pytest.fixture
def server(keys: Path, tmp_path: Path) -> Iterator[SshServer]:
    root = tmp_path / "target"
    root.mkdir()
    server = SshServer(keys / "host", keys / "user", root)
    yield server
    server.close()
