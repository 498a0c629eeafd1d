"""Asks git for the state of a tree, also where the tree belongs to somebody else, as in containers and CI systems."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hil.errors import MissingTool, ToolFailed, ToolTimeout
from hil.manifest import GitState
from hil.tools import run_tool

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 30.0
"""How long git may take to look at all files of a tree."""
MISSING = "git is not on this machine"
NO_REPOSITORY = "the tree is in no git repository"


def git_command(directory: Path, *words: str) -> list[str]:
    """Return the command that asks the repository around `directory`, whoever owns it.

    git reads no repository of another user, because its configuration may name programs to run. Whoever runs the tests
    of a tree trusts it already; the one setting by which reading runs a program is switched off all the same.
    """
    root = _root(directory) or directory.resolve()
    settings = ("-c", f"safe.directory={root}", "-c", "core.fsmonitor=false")
    return ["git", "-C", str(directory), "--no-optional-locks", *settings, *words]


def git_environment() -> dict[str, str]:
    """Return our environment without git's own variables.

    They name the repository of the one who called us, such as a hook, and not the one that is asked for.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def git_state(directory: Path, *, untracked: bool = False) -> GitState:
    """Return commit and changes of the tree at `directory`, or why they are unknown.

    With `untracked`, files that git does not know count as changes.
    """
    if _root(directory) is None:
        return GitState(unknown=NO_REPOSITORY)
    changes = ("status", "--porcelain", f"--untracked-files={'normal' if untracked else 'no'}")
    try:
        commit = _ask(directory, "rev-parse", "--verify", "HEAD")
        return GitState(commit, bool(_ask(directory, *changes)))
    except MissingTool:
        return GitState(unknown=MISSING)
    except ToolFailed as error:
        return GitState(unknown=f"git says: {error.said.partition(chr(10))[0]}")
    except ToolTimeout:
        return GitState(unknown=f"git did not answer within {SECONDS:g} s")


def _ask(directory: Path, *words: str) -> str:
    return run_tool(git_command(directory, *words), seconds=SECONDS, environment=git_environment()).text.strip()


def _root(directory: Path) -> Path | None:
    """Return the root of the working tree around `directory`, as git looks for it."""
    real = directory.resolve()
    return next((above for above in (real, *real.parents) if (above / ".git").exists()), None)
