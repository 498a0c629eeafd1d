"""Follows a run: its events, and the output of its consoles, since the last call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.record.packing import EVENTS_FILE, transcripts
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONSOLE_BYTES = 16 * 1024
"""How much of a console's earlier output is sent."""
READ_BYTES = 1024 * 1024
"""How much of one file is read at a time."""

_SENT = {
    "run-started": ("name", "started"),
    "case-started": ("id", "board", "seat"),
    "attempt": ("id", "board", "seat", "outcome", "fault"),
    "case": ("id", "board", "seat", "outcome", "fault", "duration", "reason", "unfit"),
    "stage": ("board", "seat", "stage", "ok"),
    "fault": ("board", "kind", "message"),
    "run-finished": ("verdict",),
}
"""The fields that are sent of each event; steps are not sent."""


class Tail:
    """Reads a growing file by whole lines, from `tail` bytes before its current end, or from its beginning."""

    def __init__(self, path: Path, tail: int | None = None) -> None:
        self._path = path
        self._at = 0 if tail is None else max(0, path.stat().st_size - tail)
        self._torn = self._at > 0  # the first line may have begun before this offset
        self._rest = b""

    def lines(self) -> list[str]:
        """Return the lines that were completed since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                found = file.read(READ_BYTES)
        except OSError:
            return []
        self._at += len(found)
        *lines, self._rest = (self._rest + found).split(b"\n")
        if self._torn and lines:
            del lines[0]
            self._torn = False
        return [visible(line.decode("utf-8", errors="backslashreplace")) for line in lines]


@dataclass(frozen=True, slots=True)
class Update:
    """An update on a run; `kind` is `happened`, `console` or `finished`."""

    kind: str
    data: dict[str, Any]


class RunTail:
    """Follows the run in `directory`, from its beginning."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._events = Tail(directory / EVENTS_FILE)
        self._consoles: dict[str, Tail] = {}

    def updates(self) -> list[Update]:
        """Return the updates since the last call; `finished` is the last one of a run."""
        consoles = [Update("console", {"name": name, "lines": lines}) for name, lines in self._said()]
        return [*consoles, *self._happened()]

    def _happened(self) -> Iterator[Update]:
        batch = []
        finished = None
        for line in self._events.lines():
            try:
                event = json.loads(line)
                sent = {name: _shown(event[name]) for name in _SENT.get(event["event"], ()) if name in event}
                batch += [{"event": event["event"], "t": event["t"], **sent}] if sent else []
                finished = event if event["event"] == "run-finished" else finished
            except (ValueError, KeyError, TypeError):
                continue  # an incomplete or foreign line: the reader of the record reports it
        if batch:
            yield Update("happened", {"events": batch})
        if finished:
            yield Update("finished", {"verdict": _shown(finished.get("verdict", ""))})

    def _said(self) -> Iterator[tuple[str, list[str]]]:
        for log in transcripts(self._directory):
            name = f"{log.parent.name}/{log.stem}"
            ours = log.is_file() and log.resolve().is_relative_to(self._directory)
            if name not in self._consoles and ours:
                self._consoles[name] = Tail(log, CONSOLE_BYTES)
        for name, tail in self._consoles.items():
            if lines := tail.lines():
                yield visible(name), lines


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value
