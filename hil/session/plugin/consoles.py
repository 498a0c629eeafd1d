"""The transcripts of all consoles of a run, cut into what was said during one test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.record import ConsoleSlice
from hil.record.transcript import Direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.record.transcript import Line, Transcript, TranscriptSink

LIMIT = 64 * 1024
"""Characters of one console that are kept per test; the transcript in the run directory has all of them."""


class Consoles:
    """A transcript sink that remembers every transcript it handed out."""

    def __init__(self, sink: TranscriptSink) -> None:
        self._sink = sink
        self._transcripts: list[Transcript] = []

    def transcript(self, board: str, uart: str) -> Transcript:
        """Return a new transcript for one serial line of one board."""
        transcript = self._sink.transcript(board, uart)
        self._transcripts.append(transcript)
        return transcript

    @property
    def failed(self) -> str:
        """Why a transcript cannot be written any more; empty while all is well."""
        errors = (
            f"the transcript of {transcript.name} cannot be written: {transcript.write_error.strerror}"
            for transcript in self._transcripts
            if transcript.write_error
        )
        return next(errors, "")

    def mark(self) -> tuple[int, ...]:
        """Return the place that every transcript has reached."""
        return tuple(transcript.mark() for transcript in self._transcripts)

    def since(self, mark: Sequence[int]) -> tuple[ConsoleSlice, ...]:
        """Return what each console said after `mark`; the consoles that said nothing are left out."""
        lines: dict[str, list[Line]] = {}
        for number, transcript in enumerate(self._transcripts):
            start = mark[number] if number < len(mark) else 0
            lines.setdefault(transcript.name, []).extend(transcript.since(start))
        return tuple(
            ConsoleSlice(name, shortened("\n".join(_shown(line) for line in said)))
            for name, said in lines.items()
            if said
        )

    def last_line(self) -> str:
        """Return the newest line that the board said, with the name of its console; empty when it said nothing yet."""
        newest = max(
            (
                (line.wall, f"{transcript.name}: {line.text}")
                for transcript in self._transcripts
                for line in transcript.since(0)
                if line.direction is Direction.BOARD and line.raw
            ),
            default=(0.0, ""),
        )
        return newest[1]


def shortened(text: str) -> str:
    """Return `text` with its middle left out where it is longer than `LIMIT`."""
    if len(text) <= LIMIT:
        return text
    half = LIMIT // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters are in the transcript only ...]\n{text[-half:]}"


def _shown(line: Line) -> str:
    return f"[{line.offset:12.6f}] {line.direction} {line.text}"
