"""Revisions of a git repository, each built in a worktree of its own."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ToolFailed, UsageError
from hil.git import git_command, git_environment
from hil.operations.bisect.candidates import NoFirmware
from hil.operations.bisect.child import run_child
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

BUILD = "build"
"""The directory of a build's images in a worktree."""
GIT_SECONDS = 120.0
BUILD_SECONDS = 3600.0
LOG_LINES = 8
CHANGES = ("status", "--porcelain", "--untracked-files=no")


@dataclass(frozen=True, slots=True)
class Revisions:
    """The commits from `good` to `bad`, by their full names, of the repository at `root`.

    The shell command `command` builds a commit in its worktree below `worktrees`; its output goes to files in `logs`.
    """

    root: Path
    good: str
    bad: str
    command: str
    worktrees: Path
    logs: Path

    @property
    def ends(self) -> tuple[str, str]:
        """Both revisions. Raises `UsageError` unless `bad` is later than `good`."""
        if self.good == self.bad or _git(self.root, "merge-base", self.good, self.bad) != self.good:
            raise UsageError(
                f"{self.name(self.bad)} is no descendant of {self.name(self.good)}",
                hint="--good must be an ancestor of --bad",
            )
        return self.good, self.bad

    def suspects(self, good: Collection[str], bad: str) -> list[str]:
        """Return them in git's order for bisection: those that halve the rest come first."""
        listed = _git(self.root, "rev-list", "--bisect-all", bad, "--not", *good)
        return [line.split()[0] for line in listed.splitlines() if line.split()[0] != bad]

    def firmware(self, candidate: str) -> Path:
        """Build a commit in its worktree. A build that is up to date takes the build system no time."""
        worktree = self.worktrees / candidate[:12]
        self._check_out(candidate, worktree)
        log = self.logs / f"build-{candidate[:12]}.log"
        with log.open("ab") as output:
            status = run_child(["/bin/sh", "-c", self.command], worktree, output, BUILD_SECONDS)
        if status != 0:
            said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
            raise NoFirmware(f"it cannot be built; see {log}", console=said)
        return worktree / BUILD

    def name(self, candidate: str) -> str:
        """Return the commit's short name and subject."""
        return _git(self.root, "log", "-1", "--format=%h %s", candidate)

    def discard(self, candidate: str) -> None:
        """Remove the worktree."""
        worktree = self.worktrees / candidate[:12]
        if worktree.exists():
            shutil.rmtree(worktree, ignore_errors=True)
        _git(self.root, "worktree", "prune")

    def _check_out(self, candidate: str, worktree: Path) -> None:
        """Make a worktree with exactly this commit. One that an interruption left incomplete is made anew."""
        if worktree.exists():
            with contextlib.suppress(UsageError):
                if _git(worktree, "rev-parse", "HEAD") == candidate and not _git(worktree, *CHANGES):
                    return
            self.discard(candidate)
        self.worktrees.mkdir(parents=True, exist_ok=True)
        _git(self.root, "worktree", "add", "--force", "--detach", str(worktree), candidate)


def commit(root: Path, revision: str) -> str:
    """Return the full hash of the commit that a revision names. Raises `UsageError`."""
    return _git(root, "rev-parse", "--verify", f"{revision}^{{commit}}")


def _git(where: Path, *words: str) -> str:
    try:
        return run_tool(git_command(where, *words), seconds=GIT_SECONDS, environment=git_environment()).text.strip()
    except ToolFailed as error:
        raise UsageError(f"git: {error.said}", doing=f"git {' '.join(words)} in {where}") from None
