"""Transcripts: every byte a serial line carried, with the time at which each line began."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INDEX_BYTES = 8 * 1024 * 1024
"""How much of a transcript stays in memory for slices; the files hold everything."""

LINE_BYTES = 64 * 1024
"""A line longer than this continues on a new line of the transcript."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Direction(StrEnum):
    """Who wrote a line of a transcript."""

    BOARD = "<"
    HOST = ">"
    NOTE = "#"


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One line: `offset` in seconds of monotonic time since the transcript began, `wall` in seconds since the epoch."""

    number: int
    offset: float
    wall: float
    direction: Direction
    raw: bytes

    @property
    def text(self) -> str:
        """The line with control characters and broken UTF-8 made visible."""
        text = self.raw.decode("utf-8", errors="backslashreplace")
        return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match.group()):02x}", text)

    def __str__(self) -> str:
        return f"{self.stamp} {self.text}"

    @property
    def stamp(self) -> str:
        """Monotonic offset, wall clock in UTC and direction, as they stand in the file."""
        wall = datetime.fromtimestamp(self.wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f"[{self.offset:12.6f} {wall}] {self.direction}"


class Listener(Protocol):
    """Called from the reading thread whenever a line of the board grew; must be quick and must not raise."""

    def __call__(self, line: TranscriptLine, *, complete: bool) -> None:
        """`line` as far as it has come; `complete` when its end was seen."""


class Transcript:
    """What one serial line carried, in memory for slices and, if a file is given, appended to it as it happens.

    Beside `<uart>.log`, which has a stamp on every line, stands `<uart>.raw`: exactly the bytes the board sent.
    """

    def __init__(self, name: str, log: Path | None = None) -> None:
        self.name = name
        self.write_error: OSError | None = None
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._lines: deque[TranscriptLine] = deque()
        self._held = 0
        self._open: TranscriptLine | None = None
        self._return = b""  # a carriage return whose newline may still come
        self._next = 0
        self._listeners: list[Listener] = []
        self._sent_listeners: list[Callable[[bytes], None]] = []
        self._log = _append(log)
        self._raw = _append(log.with_suffix(".raw") if log else None)
        self._before = _lines_in(log) if log else 0

    def received(self, data: bytes) -> None:
        """Add bytes from the board."""
        with self._lock:
            self._write(self._raw, data)
            data = self._return + data
            self._return = b"\r" if data.endswith(b"\r") else b""
            self._add(Direction.BOARD, data.removesuffix(b"\r"))

    def sent(self, data: bytes) -> None:
        """Add bytes from the host."""
        with self._lock:
            self._add(Direction.HOST, data)
            self._close_line()
            for listener in self._sent_listeners:
                listener(data)

    def note(self, text: str) -> None:
        """Add a remark of the framework, such as `power on`."""
        with self._lock:
            self._add(Direction.NOTE, text.encode())
            self._close_line()

    def mark(self) -> int:
        """Return the present position, for a later `since`."""
        with self._lock:
            return self._next if self._open is None else self._open.number

    def place(self, mark: int) -> tuple[int, int]:
        """Return the first and the last line of the file, from 1, that were written from `mark` on.

        The last one comes before the first where nothing was.
        """
        with self._lock:
            return self._before + mark + 1, self._before + self._next

    def since(self, mark: int, until: int | None = None) -> tuple[TranscriptLine, ...]:
        """Return the lines from `mark` on, up to the mark `until`; the oldest may have left memory."""
        with self._lock:
            return tuple(line for line in self._all() if line.number >= mark and (until is None or line.number < until))

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the text of the last lines that the board wrote, without empty ones."""
        with self._lock:
            last = self._all()[-8 * lines :]
            texts = [line.text for line in last if line.direction is Direction.BOARD and line.raw]
        return tuple(texts[-lines:])

    def listen(self, listener: Listener) -> None:
        """Call `listener` for all that comes from now on."""
        with self._lock:
            self._listeners.append(listener)

    def listen_to_host(self, listener: Callable[[bytes], None]) -> None:
        """Call `listener` for all that is sent from now on; it must be quick and must not raise."""
        with self._lock:
            self._sent_listeners.append(listener)

    def close(self) -> None:
        """Finish the open line and close the files; the lines in memory stay."""
        with self._lock:
            self._close_line()
            for file in (self._log, self._raw):
                if file is not None:
                    os.close(file)
            self._log = self._raw = None

    def _all(self) -> list[TranscriptLine]:
        return [*self._lines, self._open] if self._open else list(self._lines)

    def _add(self, direction: Direction, data: bytes) -> None:
        if self._open is not None and self._open.direction is not direction:
            self._close_line()
        for piece in _split(data):
            self._grow(direction, piece)

    def _grow(self, direction: Direction, piece: bytes) -> None:
        body = piece.rstrip(b"\r\n") if piece.endswith(b"\n") else piece
        before = self._open
        if before is None:
            line = TranscriptLine(self._next, time.monotonic() - self._began, time.time(), direction, body)
            self._next += 1
            self._write(self._log, str(line).encode())
        else:
            line = TranscriptLine(before.number, before.offset, before.wall, direction, before.raw + body)
            self._write(self._log, TranscriptLine(0, 0, 0, direction, body).text.encode())
        self._open = line
        complete = piece.endswith(b"\n") or len(line.raw) >= LINE_BYTES
        if complete:
            self._close_line()
        if direction is Direction.BOARD:
            for listener in self._listeners:
                listener(line, complete=complete)

    def _close_line(self) -> None:
        if self._open is None:
            return
        self._write(self._log, b"\n")
        self._lines.append(self._open)
        self._held += len(self._open.raw)
        self._open = None
        while self._held > INDEX_BYTES:
            self._held -= len(self._lines.popleft().raw)

    def _write(self, file: int | None, data: bytes) -> None:
        if file is None or self.write_error is not None:
            return
        try:
            while data:
                data = data[os.write(file, data) :]
        except OSError as error:
            self.write_error = error


class TranscriptSink(Protocol):
    """Where the transcripts of a run go."""

    def transcript(self, board: str, uart: str) -> Transcript:
        """Return a new transcript for one serial line of one board."""


class MemorySink:
    """Keeps transcripts in memory only."""

    def transcript(self, board: str, uart: str) -> Transcript:  # noqa: ARG002
        """Return a transcript without a file."""
        return Transcript(uart)


@dataclass(frozen=True, slots=True)
class DirectorySink:
    """Writes `<root>/<board>/<uart>.log` and `.raw`; `seat` goes before the name of the board."""

    root: Path
    seat: str = ""

    def transcript(self, board: str, uart: str) -> Transcript:
        """Return a transcript that appends to the files of this serial line."""
        directory = self.root / (self.seat or board)
        directory.mkdir(parents=True, exist_ok=True)
        return Transcript(uart, directory / f"{uart}.log")


def _lines_in(log: Path) -> int:
    """Return how many lines a file has; a writer that was killed may have left the last one open, so it ends here."""
    if not log.is_file():
        return 0
    said = log.read_bytes()
    if said and not said.endswith(b"\n"):
        with log.open("ab") as file:
            file.write(b"\n")
        return said.count(b"\n") + 1
    return said.count(b"\n")


def _append(path: Path | None) -> int | None:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644) if path else None


def _split(data: bytes) -> list[bytes]:
    """Split after each newline only: a carriage return alone does not end a line."""
    pieces = data.split(b"\n")
    whole = [piece + b"\n" for piece in pieces[:-1]]
    return [*whole, pieces[-1]] if pieces[-1] else whole
