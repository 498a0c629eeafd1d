"""A user whom nobody knows: no name, no home, as a container has it that runs with a number of its own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from hil.record import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments.commands import Commands

NUMBER = "4242"
# With root's power over files, or else checkout and tree, below directories of root's, could not be read.
CAPABILITY = "+dac_override"
NOBODY = (
    *("setpriv", "--reuid", NUMBER, "--regid", NUMBER, "--clear-groups"),
    *("--inh-caps", CAPABILITY, "--ambient-caps", CAPABILITY, "env", "--unset=HOME"),
)
SENTENCE = f"error: user {NUMBER} has no home directory\n  try: set HOME, or XDG_STATE_HOME and HIL_CACHE\n"
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.mark.parametrize("command", ["run --board bare --no-build", "doctor"])
def test_without_a_home_a_command_says_what_to_set(tree: Commands, command: str) -> None:
    done = tree.shell(f"hil {command}", under=NOBODY)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", SENTENCE)
    assert not (tree.path / "reports").exists()


def test_a_home_that_is_not_there_is_none(tree: Commands) -> None:
    done = tree.shell("HOME=/nonexistent hil run --board bare --no-build", under=NOBODY)
    assert (done.returncode, done.stderr) == (2, SENTENCE)


def test_with_places_for_state_and_cache_everything_works(tree: Commands) -> None:
    places = {name: str(tree.path.parent / name) for name in ("XDG_STATE_HOME", "HIL_CACHE")}
    for command in ("boards", "run --board bare --board linux --no-build", "report"):
        done = tree.shell(f"hil {command}", under=NOBODY, variables=places)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert tree.record.verdict is Verdict.PASSED


def test_the_number_serves_as_name_for_a_lease(tree: Commands, tmp_path: Path) -> None:
    script = "from hil.lab.client import _user; print(_user())"
    done = tree.shell(f'"{sys.executable}" -c "{script}"', under=NOBODY, variables={"TMPDIR": str(tmp_path)})
    assert done.stdout.startswith(f"{NUMBER}-"), done.stderr
