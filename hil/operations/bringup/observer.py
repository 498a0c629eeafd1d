"""Observes the serial lines of a board during its first boot."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hil.board.strategy.scanner import LineScanner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.board.file.boot import Banner
    from hil.record.transcript import Listener, Transcript, TranscriptLine

LAST_BYTES = 4096
"""How many of the last bytes of a line are searched for garbage."""
_ENOUGH_BYTES = 16
_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n\x1b")


class BootObserver:
    """Notes the time of the first byte and of each banner, and calls `on_change` for each from the reading thread."""

    def __init__(
        self,
        transcripts: Mapping[str, Transcript],
        banners: Sequence[Banner],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.transcripts = transcripts
        self.began = time.monotonic()
        self.serial: tuple[float, str] | None = None
        """The time of the first byte, and its line."""
        self.banners: dict[str, list[tuple[float, str]]] = {banner.stage: [] for banner in banners}
        """The time and text of each stage's banner; several if the board has restarted."""
        self._last_stage: dict[str, int] = {}
        """The number of the line of the last banner on each console."""
        self._first = next((banner.stage for banner in banners if not banner.repeats), "")
        self._on_change = on_change
        self._lock = threading.Lock()
        for uart, transcript in transcripts.items():
            transcript.listen(self._listener(uart, [banner for banner in banners if banner.uart == uart]))

    @property
    def garbage(self) -> Mapping[str, float]:
        """The share of non-text bytes since the last stage on each line, for lines with enough bytes to tell.

        A stage may set another speed, so what came before it says nothing.
        """
        said = {uart: self._last_bytes(uart) for uart in self.transcripts}
        return {uart: _foreign(data) / len(data) for uart, data in said.items() if len(data) >= _ENOUGH_BYTES}

    @property
    def repeated(self) -> str:
        """The first stage of the boot if its banner came more than once, else empty: later ones tell no restart."""
        return self._first if len(self.banners.get(self._first, ())) > 1 else ""

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the last lines of all consoles, each with the name of its console."""
        return tuple(
            f"{uart}: {text}" for uart, transcript in self.transcripts.items() for text in transcript.tail(lines)
        )

    @property
    def since_last_stage(self) -> tuple[tuple[str, ...], ...]:
        """What each console said since the last stage that was reached there, without empty lines."""
        return tuple(
            tuple(line.text for line in self._lines_since_last_stage(uart) if line.raw.strip())
            for uart in self.transcripts
        )

    def _lines_since_last_stage(self, uart: str) -> tuple[TranscriptLine, ...]:
        lines = self.transcripts[uart].since(self._last_stage.get(uart, 0))
        return tuple(line for line in lines if line.direction == "<")

    def _last_bytes(self, uart: str) -> bytes:
        return b"\n".join(line.raw for line in self._lines_since_last_stage(uart))[-LAST_BYTES:]

    def _listener(self, uart: str, banners: Sequence[Banner]) -> Listener:
        scanner = LineScanner([banner.pattern for banner in banners])
        growing: list[list[tuple[float, str]]] = []
        number = -1

        def listen(line: TranscriptLine, *, complete: bool) -> None:
            nonlocal number
            now = time.monotonic()
            with self._lock:
                if self.serial is None:
                    self.serial = (now, uart)
                    self._on_change()
                if line.number != number:
                    number = line.number
                    growing.clear()
                for seen in growing:  # a banner is seen before its line has ended
                    seen[-1] = (seen[-1][0], line.text)
                for sighting in scanner.scan(line, complete=complete):
                    seen = self.banners[banners[sighting.index].stage]
                    if not seen:  # a banner that comes again is the next boot's, and the end of this one is of interest
                        self._last_stage[uart] = line.number
                    seen.append((now, sighting.text))
                    if not sighting.torn:
                        growing.append(seen)
                    self._on_change()

        return listen


def _foreign(data: bytes) -> int:
    return sum(byte not in _TEXT for byte in data)
