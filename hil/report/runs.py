"""The runs of a reports folder, and the short names that people have for them."""

from __future__ import annotations

import difflib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hil.errors import UsageError
from hil.record.packing import EVENTS_FILE, packed
from hil.record.run import LATEST, RUN_FILE

_BACK = re.compile(r"(?P<link>latest(?:-[^~]+)?)(?:~(?P<back>\d{1,6}))?")
NAMES_OFFERED = 3
PARTS_FILE = "merged.json"
"""In a run that was merged: id, times, verdict and provenance of each of its parts."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs below the folder `root`."""

    root: Path

    def paths(self) -> list[Path]:
        """Return the directories of all runs, oldest first."""
        if not self.root.is_dir():
            return []
        return sorted(path for path in self.root.iterdir() if not path.is_symlink() and holds_record(path))

    def whole(self) -> list[Path]:
        """Return the same without runs that were merged into another one here."""
        paths = self.paths()
        parts = {id for path in paths for id in ids_of_parts(path)}
        return [path for path in paths if path.name not in parts]

    def find(self, reference: str) -> Path:
        """Return the directory of a run.

        `reference` is `latest`, `latest-<board>`, `latest-<label>`, any of them followed by `~N` for the N-th run
        before, the id of a run, some characters of it that no other run has at its beginning or end, or a path. Raises
        `UsageError`.
        """
        if found := _BACK.fullmatch(reference):
            return self._back(found["link"], int(found["back"] or 0))
        paths = self.paths() if reference else []
        named = [path for path in paths if path.name == reference] or [
            path for path in paths if path.name.startswith(reference) or path.name.endswith(f"-{reference}")
        ]
        if len(named) == 1:
            return named[0]
        path = Path(reference)
        if reference and holds_record(path):
            return path.resolve()
        if named:
            shown = ", ".join(path.name for path in named[:NAMES_OFFERED])
            raise UsageError(
                f"{reference!r} may be any of {len(named)} runs: {shown} ...", hint="more characters of it"
            )
        if path.is_file():
            raise UsageError(f"{reference} is a file, and no run", hint="name the directory that it is in")
        if reference and path.is_dir():
            raise UsageError(
                f"{reference} holds no record of a run: there is no {RUN_FILE}", hint=self._offer(reference)
            )
        raise UsageError(f"there is no run {reference!r} in {self.root}", hint=self._offer(reference))

    def _back(self, link: str, back: int) -> Path:
        newest = self.root / link
        if not holds_record(newest):
            name = link.removeprefix(f"{LATEST}-")
            what = f"no run on {name}, which may be a board or a label," if link != LATEST else "no run"
            raise UsageError(f"there is {what} in {self.root}", hint="hil run makes one")
        newest = newest.resolve()
        if not back:
            return newest
        name = link.removeprefix(LATEST).removeprefix("-")
        before = [path for path in self.paths() if path.name < newest.name and (not name or _is_of(path, name))]
        if back > len(before):
            raise UsageError(
                f"{link}~{back} is older than the oldest run in {self.root}: there are {len(before)} before"
            )
        return before[-back]

    def _offer(self, reference: str) -> str:
        names = [path.name for path in self.paths()]
        links = sorted(path.name for path in self.root.glob(f"{LATEST}*")) if self.root.is_dir() else []
        near = difflib.get_close_matches(reference, [*links, *names], n=NAMES_OFFERED, cutoff=0.5)
        return " or ".join(near or links[:NAMES_OFFERED]) or "hil run makes one"


def holds_record(path: Path) -> bool:
    """Whether a directory is that of a run; one that was killed at its very start has only events."""
    files = (path / RUN_FILE, path / EVENTS_FILE, packed(path / EVENTS_FILE))
    return any(map(os.path.isfile, files))  # says no to the unreadable


def ids_of_parts(directory: Path) -> list[str]:
    """Return the ids of the runs that a merged run was made of; none for another run."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return [part["id"] for part in json.loads((directory / PARTS_FILE).read_bytes())]
    return []


def _is_of(path: Path, name: str) -> bool:
    """Whether a run was on a board of that name, or has it as its label."""
    from hil.report.index import indexed

    run = indexed(path)
    return run is not None and name in {run.label, *(tested.name for tested in run.boards)}
