"""What git cannot say is unknown, with the reason, and never "not dirty"."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from hil.git import MISSING, NO_REPOSITORY, git_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.environments.commands import Commands

RUN = "hil run --board bare --board linux --no-build"
ME = ("-c", "user.name=me", "-c", "user.email=me@localhost")


def test_a_tree_of_another_user_is_known_with_its_changes(tree: Commands) -> None:
    commit = _committed(tree.path)
    with (tree.path / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    if os.getuid() == 0:
        subprocess.run(["chown", "--recursive", "4242:4242", tree.path], check=True)
        refused = tree.shell("git status", variables={"HOME": str(tree.path.parent)})
        assert "dubious ownership" in refused.stderr
    done = tree.shell(RUN, variables={"HOME": str(tree.path.parent)})
    assert done.returncode == 0, done.stderr
    assert "commit unknown" not in done.stdout
    provenance = tree.record.boards[0].provenance
    assert (provenance.git_commit, provenance.git_dirty, provenance.git_unknown) == (commit, True, "")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda tree: None, NO_REPOSITORY),  # noqa: ARG005 - an unpacked archive
        (lambda tree: (tree / ".git").mkdir(), "git says: fatal: not a git repository"),
        (lambda tree: subprocess.run(["git", "init", "--quiet", tree], check=True), "git says: fatal: "),
    ],
    ids=["archive", "damaged", "empty"],
)
def test_a_run_says_once_why_the_commit_is_unknown(tree: Commands, make: Callable[[Path], object], why: str) -> None:
    make(tree.path)
    done = tree.shell(RUN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"commit unknown: {why}") == 1
    provenance = json.loads((tree.path / "reports/latest/run.json").read_text())["boards"][0]["provenance"]
    assert provenance["git_commit"] == ""
    assert provenance["git_dirty"] is None
    assert provenance["git_unknown"].startswith(why)
    (told,) = {
        known.get("value", "")
        for known in ElementTree.parse(tree.path / "reports/latest/junit.xml").iter("property")
        if known.get("name") == "git"
    }
    assert told.startswith(f"unknown: {why}")
    assert f"unknown: {why}" in (tree.path / "reports/latest/report.html").read_text()


def test_without_git_commit_and_changes_are_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _committed(tmp_path)
    assert git_state(tmp_path).dirty is False
    monkeypatch.setenv("PATH", str(tmp_path))
    state = git_state(tmp_path)
    assert (state.commit, state.dirty, state.unknown) == ("", None, MISSING)
    assert str(state) == f"unknown: {MISSING}"


def test_files_that_git_does_not_know_count_if_asked_for(tmp_path: Path) -> None:
    commit = _committed(tmp_path)
    (tmp_path / "new").touch()
    assert str(git_state(tmp_path)) == commit
    assert str(git_state(tmp_path, untracked=True)) == f"{commit}-dirty"


def test_a_repository_cannot_have_us_run_its_programs(tmp_path: Path) -> None:
    _committed(tmp_path)
    (tmp_path / "spy").write_text("#!/bin/sh\ntouch ran\n")
    (tmp_path / "spy").chmod(0o755)
    subprocess.run(["git", "-C", tmp_path, "config", "core.fsmonitor", "./spy"], check=True)
    git_state(tmp_path)
    assert not (tmp_path / "ran").exists()


def _committed(tree: Path) -> str:
    (tree / "file").write_text("content\n")
    for words in (["init", "--quiet"], ["add", "--all"], [*ME, "commit", "--quiet", "--message=all"]):
        subprocess.run(["git", "-C", tree, *words], check=True)
    done = subprocess.run(["git", "-C", tree, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()
