"""What two runs were made of, as far as it is not the same: firmware, tools, packages, board files, commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from hil.git import git_command
from hil.tools import ask_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.record import Record

GIT_SECONDS = 10.0
COMMITS_TOLD = 50
"""At most this many commits are listed by their subjects; the rest is counted."""
_TOLD_ELSEWHERE = ("firmware.firmware_hash", "firmware.schema", "firmware.git.")
IMAGES = "firmware.files"
"""The `what` of images whose content differs; `after` has their names."""
_FILES = (f"{IMAGES}.", "inventory.images.")
_HASH = ".sha256"


@dataclass(frozen=True, slots=True)
class Origin:
    """One entry of a board's provenance that differs. `what` is its place in `run.json`; a missing entry is empty."""

    board: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Commits:
    """The commits that the second run has more than the first, newest first; `behind` is how many it has less.

    `total` counts those that are not told, too. Nothing is known (-1) where git does not have both commits.
    """

    told: tuple[str, ...] = ()
    total: int = -1
    behind: int = -1


def origin(old: str, new: str, before: Record, after: Record) -> Iterator[Origin]:
    """Yield what differs between board `old` of the first run and board `new` of the second."""
    old_values, new_values = _leaves(before, old), _leaves(after, new)
    if not (old_values and new_values):
        return
    changed = [
        what
        for what in dict.fromkeys([*old_values, *new_values])
        if old_values.get(what, "") != new_values.get(what, "")
    ]
    for what in changed:
        version = what.removeprefix("versions.")
        if not what.startswith((*_TOLD_ELSEWHERE, *_FILES)) and f"packages.{version}" not in changed:
            yield Origin(new, what, old_values.get(what, ""), new_values.get(what, ""))
    images = [what.removesuffix(_HASH) for what in changed if what.startswith(_FILES) and what.endswith(_HASH)]
    names = [image.removeprefix(_FILES[0]).removeprefix(_FILES[1]) for image in images]
    if names:
        yield Origin(new, IMAGES, "", ", ".join(dict.fromkeys(names)))


def commits_between(before: Record, after: Record, tree: Path | None) -> Commits:
    """Ask git in `tree` for what lies between the commits of newer runs."""
    older, newer = (
        next((b.provenance.git_commit for b in run.boards if b.provenance.git_commit), "") for run in (before, after)
    )
    if tree is None or not (older and newer):
        return Commits()
    ahead = _log(tree, f"{older}..{newer}")
    behind = _log(tree, f"{newer}..{older}")
    if ahead is None or behind is None:
        return Commits()
    return Commits(tuple(ahead[:COMMITS_TOLD]), len(ahead), len(behind))


def _log(tree: Path, commits: str) -> list[str] | None:
    listed = ask_tool(git_command(tree, "log", "--format=%h %s", commits, "--"), seconds=GIT_SECONDS)
    return None if listed is None else listed.splitlines()


def _leaves(record: Record, board: str) -> dict[str, str]:
    provenance = next((known.provenance for known in record.boards if known.name == board), None)
    return dict(_flat(to_builtins(provenance))) if provenance else {}


def _flat(value: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, below in value.items():
        if isinstance(below, dict):
            yield from _flat(below, f"{above}{name}.")
        else:
            yield f"{above}{name}", str(below)
