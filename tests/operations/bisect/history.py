"""A repository whose history has a bug, and commits that cannot be built. What it builds is its file `firmware`."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BUILD = "mkdir -p build/fw && ! grep nonsense firmware && cp firmware build/fw/image"
WHO = {
    f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "x"), ("EMAIL", "x"))
}


def git(where: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *words], cwd=where, env={**environment, **WHO}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def make_history(root: Path, contents: Sequence[str]) -> list[str]:
    """Make a repository with one commit for each content of its firmware; return their names."""
    root.mkdir(exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    (root / ".gitignore").write_text("build/\nreports/\n")
    names = []
    for number, content in enumerate(contents):
        (root / "firmware").write_text(f"{number}\n{content}\n")
        git(root, "add", ".")
        git(root, "commit", "-q", "-m", f"change {number}")
        names.append(git(root, "rev-parse", "HEAD"))
    return names
