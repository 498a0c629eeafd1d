"""What a run has written since somebody looked last: its events, and what its consoles said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.record.run import EVENTS_FILE
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONSOLE_BYTES = 16 * 1024
"""So much of what a console said before is shown."""
READ_BYTES = 1024 * 1024
"""So much of one file is told at a time."""

_TOLD = {
    "run-started": ("name", "started"),
    "case-started": ("id", "board", "seat"),
    "attempt": ("id", "board", "seat", "outcome", "fault"),
    "case": ("id", "board", "seat", "outcome", "fault", "duration", "reason", "unfit"),
    "stage": ("board", "seat", "stage", "ok"),
    "fault": ("board", "kind", "message"),
    "run-finished": ("verdict",),
}
"""What is passed on of each event; nobody watches the steps."""


class Tail:
    """Reads on in a file that grows, from `tail` bytes before its present end; whole lines only."""

    def __init__(self, path: Path, tail: int | None = None) -> None:
        self._path = path
        self._at = 0 if tail is None else max(0, path.stat().st_size - tail)
        self._torn = self._at > 0  # the first line that is found may have begun before
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
class News:
    """Something that happened; `kind` is `happened`, `console` or `finished`."""

    kind: str
    data: dict[str, Any]


class RunTail:
    """Follows the run in `directory`, from its beginning."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._events = Tail(directory / EVENTS_FILE)
        self._consoles: dict[str, Tail] = {}

    def news(self) -> list[News]:
        """Return what happened since the last call; `finished` is the last that ever comes."""
        consoles = [News("console", {"name": name, "lines": lines}) for name, lines in self._said()]
        return [*consoles, *self._happened()]

    def _happened(self) -> Iterator[News]:
        batch = []
        finished = None
        for line in self._events.lines():
            try:
                event = json.loads(line)
                told = {name: _shown(event[name]) for name in _TOLD.get(event["event"], ()) if name in event}
                batch += [{"event": event["event"], "t": event["t"], **told}] if told else []
                finished = event if event["event"] == "run-finished" else finished
            except (ValueError, KeyError, TypeError):
                continue  # a torn or foreign line; the record's reader is who complains
        if batch:
            yield News("happened", {"events": batch})
        if finished:
            yield News("finished", {"verdict": _shown(finished.get("verdict", ""))})

    def _said(self) -> Iterator[tuple[str, list[str]]]:
        for log in sorted(self._directory.glob("*/*.log")):
            name = f"{log.parent.name}/{log.stem}"
            ours = log.resolve().is_relative_to(self._directory) and log.with_suffix(".raw").exists()
            if name not in self._consoles and ours:
                self._consoles[name] = Tail(log, CONSOLE_BYTES)
        for name, tail in self._consoles.items():
            if lines := tail.lines():
                yield visible(name), lines


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value
