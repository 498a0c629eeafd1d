"""Watches the serial lines of a board for banners and panics: how far a boot has come, and whether it failed."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import select
import threading
from typing import TYPE_CHECKING

from hil.board.drivers.start import Start
from hil.deadline import Deadline
from hil.errors import BoardSilent, BootHang, FirmwareError, Panic, UnexpectedReboot
from hil.target.crash.explain import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hil.board.drivers.alarm import Alarm
    from hil.board.file.boot import Banner, PanicPattern
    from hil.record.transcript import Transcript, TranscriptLine

QUOTE_SECONDS = 0.5
QUIET_SECONDS = 0.05
"""How long a panic may keep printing before it is raised; a silence of `QUIET_SECONDS` after a line ends it earlier."""
DUMP_SECONDS = 5.0
"""How long a register dump may take, because it says where the panic was; at 115200 baud it takes half a second."""
QUOTED_LINES = 14
"""Lines of a panic that its message quotes. General registers do not count: they precede more telling ones."""
BEFORE_LINES = 60
"""Lines before the panic that belong to its dump: Linux prints registers first."""
LOOK_BYTES = 4096
"""How much of a line is searched for banners and panics, so that binary noise without line ends costs little."""
_GENERAL_REGISTER = re.compile(r"x(?!30\b)\d+\s*=")


class BootWatch:
    """Follows all lines of a board, during boot and after, and rings on a panic or an unexpected banner.

    `ring` is called from the reading thread, with a function that makes the error. That function waits for the rest of
    a register dump, so it must not be called in that thread, which has to read the dump.
    """

    def __init__(
        self,
        banners: Sequence[Banner],
        panics: Sequence[PanicPattern],
        transcripts: Mapping[str, Transcript],
        ring: Callable[[Callable[[], FirmwareError]], None],
    ) -> None:
        self._banners = banners
        self._panics = panics
        self._transcripts = transcripts
        self._ring = ring
        self._lock = threading.Lock()
        self._changed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._reached: list[str] = []
        self._matched: set[tuple[str, int]] = set()
        self._heard = False
        self._rebooting = False
        self._grown = threading.Event()
        for uart, transcript in transcripts.items():
            transcript.listen(self._listener(uart))

    @property
    def stage(self) -> str:
        """The last stage whose banner has appeared; empty before the first."""
        return self._reached[-1] if self._reached else ""

    def started(self, start: Start) -> None:
        """Expect the banners that follow `start`: all of them or, if the board resumes after its boot, none."""
        with self._lock:
            self._heard = start is Start.RESUME
            self._reached = [banner.stage for banner in self._banners] if self._heard else []
            self._matched.clear()

    @contextlib.contextmanager
    def expecting_reboot(self) -> Iterator[None]:
        """Allow the board to reboot inside this block."""
        self._rebooting = True
        self.started(Start.RESET)
        try:
            yield
        finally:
            self._rebooting = False

    def wait(self, stage: str, deadline: Deadline, alarm: Alarm) -> None:
        """Wait until `stage` is reached.

        Raises the alarm's error at once; at the deadline, `BoardSilent` if there was no output at all, else `BootHang`.
        """
        poll = select.poll()
        poll.register(self._changed, select.POLLIN)
        poll.register(alarm, select.POLLIN)
        while stage not in self._reached:
            ready = poll.poll(deadline.remaining * 1000)
            alarm.check()
            if not ready:
                raise self._hang(stage, deadline)
            self._clear_changed()

    def follows(self, transcripts: Mapping[str, Transcript]) -> bool:
        """Whether this watch was made for these transcripts."""
        return self._transcripts is transcripts

    def __del__(self) -> None:
        os.close(self._changed)

    def _hang(self, stage: str, deadline: Deadline) -> FirmwareError | BoardSilent:
        wanted = next(banner for banner in self._banners if banner.stage == stage)
        said = self._transcripts[wanted.uart].tail()
        if not self._heard:
            return BoardSilent(
                f"there was no output from the board within {deadline}", hint="check power, cable and serial port"
            )
        reached = f"reached stage `{self.stage}`, but not `{stage}`," if self._reached else "reached no stage"
        return BootHang(
            f"the boot {reached} within {deadline}: no {wanted.pattern.pattern!r} on console `{wanted.uart}`",
            stage=self.stage,
            console=said,
        )

    def _let_it_finish(self, transcript: Transcript, number: int) -> None:
        """Wait until line `number` and the lines after it are complete, so that a register dump is quoted whole."""
        quote, dump = Deadline.after(QUOTE_SECONDS), Deadline.after(DUMP_SECONDS)
        while not dump.expired:
            self._grown.clear()
            quiet = not self._grown.wait(QUIET_SECONDS) and transcript.mark() > number
            if (quiet or quote.expired) and not unfinished([line.text for line in transcript.since(number)]):
                break

    def _clear_changed(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._changed)

    def _listener(self, uart: str) -> Callable[..., None]:
        banners = [banner for banner in self._banners if banner.uart == uart]
        panics = [panic for panic in self._panics if panic.uart == uart]

        def listen(line: TranscriptLine, *, complete: bool) -> None:
            self._heard = True
            self._grown.set()
            key = (uart, line.number)
            if key in self._matched:
                if complete:
                    self._matched.discard(key)
                return
            text = line.text[:LOOK_BYTES]
            found = next((banner for banner in banners if banner.pattern.search(text)), None)
            panicked = any(panic.pattern.search(text) for panic in panics)
            if (found or panicked) and not complete:
                self._matched.add(key)
            if panicked:
                self._panic(uart, line.number)
            if found:
                self._reach(found)

        return listen

    def _reach(self, banner: Banner) -> None:
        with self._lock:
            again = banner.stage in self._reached
            if again and self._rebooting:
                self._reached.clear()
            if not again or self._rebooting:
                self._reached.append(banner.stage)
            stage = self.stage
        if again and not self._rebooting:
            self._ring(
                lambda: UnexpectedReboot(
                    f"the board rebooted: the banner of stage `{banner.stage}` came after stage `{stage}`",
                    stage=stage,
                )
            )
        os.eventfd_write(self._changed, 1)

    def _panic(self, uart: str, number: int) -> None:
        stage = self.stage
        transcript = self._transcripts[uart]

        @functools.cache
        def finish() -> None:
            self._let_it_finish(transcript, number)

        def error() -> Panic:
            finish()
            lines = [line.text for line in transcript.since(number)]
            quoted = [line for line in lines if not _GENERAL_REGISTER.match(line)][:QUOTED_LINES]
            panic = Panic(f"the firmware panicked: {lines[0] if lines else ''}", stage=stage, console=quoted)
            panic.dump = tuple(line.text for line in transcript.since(number - BEFORE_LINES))
            return panic

        self._ring(error)
