"""The transcripts of all consoles of a run, and the slice of them that belongs to one test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.record import ConsoleSlice
from hil.record.transcript import Direction
from hil.session.plugin.progress import shortened
from hil.target.monitor import frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.record.transcript import Transcript, TranscriptLine, TranscriptSink

LIMIT = 64 * 1024
"""How many characters of one console a test keeps. The transcript in the run directory has all of them."""


class Consoles:
    """A transcript sink that keeps every transcript it has made."""

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
        """Why a transcript cannot be written any more, empty if all can."""
        errors = (
            f"the transcript of {transcript.name} cannot be written: {transcript.write_error.strerror}"
            for transcript in self._transcripts
            if transcript.write_error
        )
        return next(errors, "")

    def mark(self) -> tuple[int, ...]:
        """Return the current end of every transcript, to be passed to `since`."""
        return tuple(transcript.mark() for transcript in self._transcripts)

    def since(self, mark: Sequence[int]) -> tuple[ConsoleSlice, ...]:
        """Return the output of each console since `mark`, without consoles that were silent.

        Requests to a monitor and its answers are left out: the account has them in words, the transcript as they were.
        A console that said nothing else has an empty text, and its lines in the transcript.
        """
        lines: dict[str, list[TranscriptLine]] = {}
        places: dict[str, list[int]] = {}
        for number, transcript in enumerate(self._transcripts):
            start = mark[number] if number < len(mark) else 0
            said = (line for line in transcript.since(start) if not frame.is_whole(line.raw))
            lines.setdefault(transcript.name, []).extend(said)
            first, last = transcript.place(start)
            places.setdefault(transcript.name, []).extend((first, last) if first <= last else ())
        return tuple(
            ConsoleSlice(name, _text(lines[name]), min(numbers), max(numbers))
            for name, numbers in places.items()
            if numbers
        )

    def last_line(self) -> str:
        """Return the newest line from the board, with the name of its console; empty if there is no line yet."""
        newest = max(
            (
                (line.wall, f"{transcript.name}: {line.text}")
                for transcript in self._transcripts
                for line in transcript.since(0)
                if line.direction is Direction.BOARD and line.raw and not frame.is_whole(line.raw)
            ),
            default=(0.0, ""),
        )
        return newest[1]


def _text(lines: Sequence[TranscriptLine]) -> str:
    return shortened("\n".join(map(_shown, lines)), LIMIT, "the transcript has them")


def _shown(line: TranscriptLine) -> str:
    return f"[{line.offset:12.6f}] {line.direction} {line.text}"
