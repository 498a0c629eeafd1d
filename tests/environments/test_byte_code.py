"""Python that is told to keep no byte code: the processes of a run compile each module once, and not once each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.environments.commands import Commands


def test_the_processes_of_a_run_share_what_is_compiled(tree: Commands) -> None:
    cache = tree.path.parent / "cache"
    old = cache / "bytecode" / "builds" / "job-1234" / "module.cpython-311.pyc"  # of a checkout that is gone
    old.parent.mkdir(parents=True)
    old.touch()
    variables = {"PYTHONDONTWRITEBYTECODE": "1", "HIL_CACHE": str(cache)}
    done = tree.shell("hil run --board bare --board linux --no-build", variables=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    compiled = [path.name.partition(".")[0] for path in (cache / "bytecode").rglob("worker.*.pyc")]
    assert compiled == ["worker"]
    assert not old.parent.exists()
    assert not list(tree.path.rglob("__pycache__")), "byte code was written where the user wants none"


def test_a_place_for_byte_code_that_the_user_has_chosen_stays(tree: Commands) -> None:
    chosen = tree.path.parent / "chosen"
    variables = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(chosen)}
    assert tree.shell("hil run --board bare --board linux --no-build", variables=variables).returncode == 0
    assert list(chosen.rglob("worker.*.pyc"))
