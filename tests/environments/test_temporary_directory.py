"""A directory for temporary files with a long name: sockets below it have names of at most 107 bytes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.sockets import make_room_for_sockets

if TYPE_CHECKING:
    from tests.environments.commands import Commands

TWO = "hil run --board bare --board linux --no-build"


@pytest.mark.parametrize("length", [80, 250])
def test_a_run_on_several_boards_takes_a_long_name(tree: Commands, length: int) -> None:
    directory = _long(tree.path.parent, length)
    done = tree.shell(TWO, variables={"TMPDIR": str(directory)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(directory.iterdir()) == []


def test_the_directory_stays_the_same_under_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = _long(tmp_path, 300)
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    make_room_for_sockets()
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as listening:
        Path(name, "file").write_text("kept")
        assert [path.name for path in directory.iterdir()] == [Path(name).name]
        listening.bind(f"{name}/{'s' * 40}")
        listening.listen()
        # Another program finds the same names, and can connect.
        script = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
        subprocess.run([sys.executable, "-c", script, listening.getsockname()], check=True)
    assert list(directory.iterdir()) == []


def _long(parent: Path, length: int) -> Path:
    """Make a directory whose name has `length` bytes, or a few more."""
    directory = parent
    while len(os.fsencode(directory)) < length:
        directory /= "d" * min(max(length - len(os.fsencode(directory)) - 1, 1), 100)
    directory.mkdir(parents=True)
    return directory
