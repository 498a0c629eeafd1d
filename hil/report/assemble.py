"""Directories of runs put together: one record, and all transcripts, events and other files of the parts."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from hil.coverage.report import add_up
from hil.errors import RecordFailed, UsageError
from hil.record import load, plain_record, read_events
from hil.record.packing import EVENTS_FILE, pack
from hil.record.plain import plain, to_json, written_record
from hil.record.run import RUN_FILE
from hil.report.consolepage import CONSOLE_FILE, write_consoles
from hil.report.html import HTML_FILE, write_html
from hil.report.index import INDEX_FILE
from hil.report.junit import JUNIT_FILE, write_junit
from hil.report.merge import RunPart, merge
from hil.report.runs import PARTS_FILE, holds_record, ids_of_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hil.record import Record

_MADE_ANEW = frozenset({RUN_FILE, EVENTS_FILE, JUNIT_FILE, HTML_FILE, CONSOLE_FILE, INDEX_FILE, PARTS_FILE})
_DEEPEST = 4
"""So far below a directory runs are looked for."""


@dataclass(frozen=True, slots=True)
class _Source:
    directory: Path
    part: RunPart
    number: int

    @property
    def record(self) -> Record:
        return self.part.record


def runs_below(directory: Path) -> list[Path]:
    """Return the directories of runs at `directory` or below it, such as where artifacts were unpacked."""
    if holds_record(directory):
        return [directory.resolve()]
    found: list[Path] = []
    level = [directory]
    for _ in range(_DEEPEST):
        level = sorted(below for above in level for below in _folders(above))
        found += [path.resolve() for path in level if holds_record(path)]
        level = [path for path in level if not holds_record(path)]
    return list(dict.fromkeys(found))


def assemble(directories: Sequence[Path], target: Path) -> None:
    """Merge the runs in `directories` into the new directory `target`, with its reports; it is whole or not there.

    A run that is there twice, as a copy, counts once. Raises `UsageError`; `RecordFailed` on a full disk.
    """
    sources = list(_sources(directories))
    if len(sources) < 2:
        raise UsageError(f"there are not two runs to merge: {', '.join(map(str, directories)) or 'nothing'}")
    whole = merge([source.part for source in sources])
    if target.exists():
        raise UsageError(f"{target} exists already", hint="name another directory")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise UsageError(f"{target} cannot be made: {error.strerror}", hint="name another directory") from error
    shared = Counter(name for source in sources for name in source.record.attachments)
    try:
        attachments = [name for source in sources for name in _copy(source, unfinished, shared)]
        attachments += add_up([source.directory for source in sources], unfinished)
        whole = replace(whole, attachments=(PARTS_FILE, *attachments), directory=_relative(target))
        (unfinished / PARTS_FILE).write_text(
            json.dumps([_told(source.record) for source in sources], indent=1) + "\n", encoding="utf-8"
        )
        (unfinished / EVENTS_FILE).write_bytes(b"".join(to_json(line) + b"\n" for line in _events(sources, whole)))
        (unfinished / RUN_FILE).write_bytes(written_record(plain_record(whole)))
        pack(unfinished)
        write_junit(whole, unfinished)
        write_consoles(whole, unfinished)
        write_html(whole, unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        why = f"{target} cannot be made: {error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        raise RecordFailed(why, hint="make space, and see to it that all files of the parts can be read") from error
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _sources(directories: Iterable[Path]) -> Iterator[_Source]:
    seen: dict[str, Path] = {}
    taken: set[str] = set()
    for directory in directories:
        record = load(directory)
        if record.id in seen:
            _refuse_another(record.id, seen[record.id], directory)
            continue
        seen[record.id] = directory
        number = len(seen)
        seats = {name: name if name not in taken else f"{name}@{number}" for name in _consoles(directory, record)}
        taken |= set(seats.values())
        yield _Source(directory, RunPart(record, seats), number)
    for id, directory in seen.items():
        for other in ids_of_parts(directory):
            if other in seen:
                raise UsageError(
                    f"{other} is part of {id} already, which is to be merged, too", hint="leave one of them out"
                )


def _refuse_another(id: str, first: Path, second: Path) -> None:
    if (first / RUN_FILE).read_bytes() != (second / RUN_FILE).read_bytes():
        raise UsageError(f"{first} and {second} are both run {id}, but not the same", hint="leave one of them out")


def _consoles(directory: Path, record: Record) -> list[str]:
    """Names of the folders that belong to a seat or board each."""
    names = [path.name for path in _folders(directory)]
    return list(dict.fromkeys([*names, *(board.name for board in record.boards)]))


def _copy(source: _Source, target: Path, shared: Mapping[str, int]) -> Iterator[str]:
    """Copy what belongs to a part; files that several parts have, such as their coverage, into a folder of its own."""
    for path in sorted(source.directory.iterdir()):
        if path.is_symlink() or path.name in _MADE_ANEW:
            continue
        if path.is_dir():
            shutil.copytree(path, target / source.part.seats[path.name])
        elif path.name in source.record.attachments:
            place = target / (f"part{source.number}" if shared[path.name] > 1 else "") / path.name
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, place)
            yield str(place.relative_to(target))


def _events(sources: Sequence[_Source], whole: Record) -> Iterator[dict[str, Any]]:
    """All events in the order in which they happened, on one clock."""
    began = datetime.fromisoformat(whole.started)
    yield {"t": 0.0, "at": whole.started, "event": "run-started", **plain_record(whole)}
    moved = [line for source in sources for line in _moved(source, began)]
    yield from sorted(moved, key=lambda line: line["t"])
    yield {
        "t": max([whole.duration, *(line["t"] for line in moved)]),
        "at": whole.finished,
        "event": "run-finished",
        **{name: getattr(whole, name) for name in ("verdict", "exit_code", "finished", "duration")},
    }


def _moved(source: _Source, began: datetime) -> Iterator[dict[str, Any]]:
    later = (datetime.fromisoformat(source.record.started) - began).total_seconds()
    only = source.record.boards[0].name if len(source.record.boards) == 1 else ""
    for line in read_events(source.directory):
        if line["event"] in {"run-started", "run-finished"}:
            continue
        board = line.get("board") or only
        seat = line.get("seat") or board
        named = source.part.seats.get(seat, seat)
        where = {"board": board, **({"seat": named} if named != board else {})}
        yield {**line, "t": round(line["t"] + later, 6), **(where if board else {})}


def _told(record: Record) -> dict[str, Any]:
    boards = [plain(board) for board in record.boards]
    names = ("id", "name", "started", "finished", "duration", "exit_code", "process", "schema")
    return {**{name: getattr(record, name) for name in names}, "verdict": record.verdict.value, "boards": boards}


def _relative(path: Path) -> str:
    """As the record of a run names its directory, when the current one is the root of the tree."""
    here, place = Path.cwd(), path.absolute()
    return str(place.relative_to(here) if place.is_relative_to(here) else place)


def _folders(directory: Path) -> list[Path]:
    """What lies in a directory and can be looked into."""
    inside = os.scandir(directory) if os.access(directory, os.R_OK | os.X_OK) else ()
    return sorted(Path(entry) for entry in inside if entry.is_dir(follow_symlinks=False))
