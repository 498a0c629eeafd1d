"""Places that are links, that cannot be written, or whose files get odd permissions: work, or a sentence at once."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode
from hil.record import BoardOfRun, Provenance, Run, Verdict, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments.commands import Commands

RUN = "hil run --board bare --no-build"
SEVERAL = "hil run --board bare --board linux --no-build"
READ_ONLY = ("unshare", "--mount", "bash", "-c")
"""Runs a script that can make a directory read-only for itself and its children alone, as root."""


def read_only(*places: Path, line: str) -> tuple[str, ...]:
    """Return a shell's prefix under which `places` are mounted read-only: modes would not stop root."""
    mounts = " && ".join(f"mount --bind {place} {place} && mount -o remount,ro,bind {place}" for place in places)
    return (*READ_ONLY, f'{mounts} && exec "$@"', line)


def test_a_tree_reached_through_links_works(tree: Commands, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tree.path / "boards").rename(tmp_path / "elsewhere" / "boards")
    (tree.path / "boards").symlink_to(tmp_path / "elsewhere" / "boards")
    (tmp_path / "elsewhere" / "reports").mkdir()
    (tree.path / "reports").symlink_to(tmp_path / "elsewhere" / "reports")
    (tmp_path / "link").symlink_to(tree.path)
    for command in (RUN, SEVERAL, "hil report", "hil boards"):
        done = tree.shell(command, directory=tmp_path / "link")
        assert done.returncode == 0, done.stdout + done.stderr
    assert tree.record.verdict is Verdict.PASSED
    assert {case.id.partition("::")[0] for case in tree.record.cases} == {"suites/subject/test_subject.py"}


def test_a_file_system_without_links_has_records_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")  # what FAT answers; CI's kernels lack it

    monkeypatch.setattr("pathlib.Path.symlink_to", refused)
    run = Run(tmp_path / "reports", BoardOfRun("rpi4", Provenance()))
    run.finish(ExitCode.PASSED)
    assert load(run.path).exit_code is not None
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [run.path.name]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
@pytest.mark.parametrize("command", [RUN, SEVERAL], ids=["one board", "several"])
def test_a_tree_that_cannot_be_written_is_named_at_once(tree: Commands, command: str) -> None:
    done = tree.shell(command, under=read_only(tree.path, line="shell"))
    assert (done.returncode, done.stdout) == (2, "")
    error, hint = done.stderr.splitlines()
    assert error == f"error: no record can be written in {tree.path}/reports: Read-only file system"
    assert hint.startswith("  try: ")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
def test_a_home_that_cannot_be_written_is_no_obstacle(tree: Commands, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    for command in (RUN, SEVERAL):
        done = tree.shell(
            command, variables={"HOME": str(tmp_path / "home")}, under=read_only(tmp_path / "home", line="shell")
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize(("umask", "open_to"), [("077", 0o700), ("000", 0o777)])
def test_a_record_is_as_open_as_the_umask_wants_and_others_change_no_document(
    tree: Commands, umask: str, open_to: int
) -> None:
    for command in (RUN, SEVERAL):
        done = tree.shell(f"umask {umask} && {command}")
        assert done.returncode == 0, done.stdout + done.stderr
    reports = tree.path / "reports"
    folders = [path for path in reports.rglob("*") if path.is_dir() and not path.is_symlink()]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {open_to}
    for name in ("run.json", "junit.xml", "report.html"):
        assert stat.S_IMODE((reports / "latest" / name).stat().st_mode) == 0o644
