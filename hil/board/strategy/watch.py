"""Watches the serial lines of a board for banners and panics: how far a boot has come, and whether it failed."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import select
import threading
import time
from typing import TYPE_CHECKING

from hil.board.drivers.start import Start
from hil.board.strategy.restart import PAUSE_SECONDS, Suspicion, Verdict, same_stamp
from hil.board.strategy.scanner import LineScanner, is_torn
from hil.board.strategy.typing import RestartJudge, TypedLine
from hil.consoletext import clean, is_speech, noise_bytes
from hil.deadline import Deadline
from hil.errors import BoardSilent, BootHang, ConsoleInterrupted, HilError, Panic, UnexpectedReboot
from hil.record.transcript import Direction
from hil.target.crash.explain import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hil.board.drivers.alarm import Alarm
    from hil.board.file.boot import Banner, PanicPattern
    from hil.board.strategy.scanner import Sighting
    from hil.errors import InfrastructureError
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
DAMAGE_LINES = 2000
"""How many lines before a missing banner are searched for damage."""
_GENERAL_REGISTER = re.compile(r"x(?!30\b)\d+\s*=")
_BEFORE_TEXT = re.compile(rb"[^ -~]*")


class BootWatch:
    """Follows all lines of a board, during boot and after, and rings on a panic or an unexpected restart.

    A stage is reached when its banner or that of a later one comes. The board has restarted if the first banner of the
    boot comes again; other lines may repeat. Where a prompt is, a command may print that banner, too: `typing.py` says
    when it counts.

    `ring` is called from the reading thread, with a function that makes the error. That function waits for the rest of
    a register dump, so it must not be called in that thread, which has to read the dump. `excuse` returns a reason to
    distrust the lines, if there is one, `missed` what may be lost at the beginning of a line. `lossless` lines need
    none: what they say is what the board wrote.
    """

    def __init__(
        self,
        banners: Sequence[Banner],
        panics: Sequence[PanicPattern],
        transcripts: Mapping[str, Transcript],
        ring: Callable[[Callable[[], HilError]], None],
        *,
        excuse: Callable[[], InfrastructureError | None] = lambda: None,
        missed: Callable[[str], str] = lambda _uart: "",
        lossless: bool = False,
    ) -> None:
        self._banners = banners
        self._panics = panics
        self._transcripts = transcripts
        self._ring = ring
        self._excuse = excuse
        self._missed = missed
        self._lossless = lossless
        self._lock = threading.RLock()
        self._changed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._first = next((number for number, banner in enumerate(banners) if not banner.repeats), -1)
        self._reached = -1
        self._seen: dict[int, tuple[float, str]] = {}
        self._repeats = 0
        self._suspicion: Suspicion | None = None
        self._resumed = False
        self._rebooting = False
        self._grown = threading.Event()
        self._typing = {uart: TypedLine() for uart in transcripts}
        self._scanners: dict[str, LineScanner] = {}
        self._line = dict.fromkeys(transcripts, 0)
        self._power_on_line = dict.fromkeys(transcripts, 0)
        self._stage_line = dict.fromkeys(transcripts, 0)
        for uart, transcript in transcripts.items():
            transcript.listen(self._listener(uart))
            transcript.listen_to_host(self._typing[uart].sent)

    @property
    def stage(self) -> str:
        """The last stage that was reached; empty before the first."""
        return self._banners[self._reached].stage if self._reached >= 0 else ""

    def started(self, start: Start, resumed: int = 0) -> None:
        """Expect the banners that follow `start`: all or, if the board resumes, all but the first `resumed` ones."""
        marks = {uart: transcript.mark() for uart, transcript in self._transcripts.items()}
        with self._lock:
            self._resumed = start is Start.RESUME
            self._begin()
            self._power_on_line = marks
            self._stage_line = dict(marks)
            if self._resumed:
                self._reached = resumed - 1
                self._seen = dict.fromkeys(range(resumed), (time.monotonic(), ""))
            for scanner in self._scanners.values():
                scanner.reset()
            for typed in self._typing.values():
                typed.reset()

    def at_prompt(self, uart: str, prompt: re.Pattern[str] | None) -> None:
        """Note that a line has a prompt now, or none any more."""
        if uart in self._typing:
            with self._lock:
                self._typing[uart].prompt = prompt
                self._typing[uart].answered()

    @contextlib.contextmanager
    def judging(self, uart: str) -> Iterator[RestartJudge]:
        """Leave it to the caller, inside this block, what a first banner on a line with a prompt means."""
        judge = RestartJudge(lambda: self._judge(Verdict.RESTART))
        typed = self._typing[uart]
        with self._lock:
            typed.judge = judge
        try:
            yield judge
        finally:
            with self._lock:
                typed.judge = None
                typed.answered()

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
        """Wait until `stage` or a later one is reached.

        Raises the alarm's error at once. At the deadline: `BoardSilent` if no text came at all; `ConsoleInterrupted` if
        the banner may be lost in damage that can be seen; else `BootHang`.
        """
        poll = select.poll()
        poll.register(self._changed, select.POLLIN)
        poll.register(alarm, select.POLLIN)
        wanted = next(number for number, banner in enumerate(self._banners) if banner.stage == stage)
        while self._reached < wanted:
            ready = poll.poll(deadline.remaining * 1000)
            alarm.check()
            if not ready:
                raise self._hang(wanted, deadline)
            self._clear_changed()

    def silent(self, deadline: Deadline) -> HilError | None:
        """Return the error for a board that has said nothing since it was switched on, or None if it has."""
        return None if self._resumed or self._seen else self._silent(deadline)

    def follows(self, transcripts: Mapping[str, Transcript]) -> bool:
        """Whether this watch was made for these transcripts."""
        return self._transcripts is transcripts

    def __del__(self) -> None:
        os.close(self._changed)

    def _begin(self) -> None:
        """Forget what a boot has shown, because another one begins."""
        self._reached = -1
        self._seen = {}
        self._repeats = 0
        self._forget_suspicion()

    def _hang(self, wanted: int, deadline: Deadline) -> HilError:
        banner = self._banners[wanted]
        said = self._transcripts[banner.uart].tail()
        if not self._resumed and not self._seen and (silent := self._silent(deadline)):
            return silent
        reached = (
            f"reached stage `{self.stage}`, but not `{banner.stage}`," if self._reached >= 0 else "reached no stage"
        )
        why = f"the boot {reached} within {deadline}: no {banner.pattern.pattern!r} on console `{banner.uart}`"
        if self._repeats:
            why += f"; the banner of stage `{self._banners[self._first].stage}` came {self._repeats + 1} times"
        if damage := self._damage(banner):
            hint = "check cable, ground and speed of the line; look into its transcript"
            return ConsoleInterrupted(f"{why}; but {damage}", stage=self.stage, console=said, hint=hint)
        return BootHang(why, stage=self.stage, console=said)

    def _silent(self, deadline: Deadline) -> BoardSilent | None:
        """Return the error for a board that has said nothing, or None if it has."""
        said_on = {uart: b"\n".join(self._said(uart, mark)) for uart, mark in self._power_on_line.items()}
        said = list(said_on.values())
        if any(is_speech(data) or (self._lossless and data) for data in said):
            return None
        noise = sum(map(len, said))
        if noise:
            return BoardSilent(
                f"there was no text from the board within {deadline}, only {noise} bytes that are none",
                hint="is the speed of the serial port right? check power, ground and cable",
            )
        missed = "; ".join(filter(None, map(self._missed, said_on)))
        return BoardSilent(
            f"there was no output from the board within {deadline}{missed and f'; {missed}'}",
            hint="check power, cable and serial port",
        )

    def _damage(self, banner: Banner) -> str:
        """Describe the damage since the last stage in which `banner` may be lost, empty if there is none."""
        if self._lossless:
            return ""
        shown = any(self._banners[number].uart == banner.uart for number in self._seen)
        if not shown and (missed := self._missed(banner.uart)):
            return missed
        lines = self._said(banner.uart, self._stage_line[banner.uart])[-DAMAGE_LINES:]
        # Before the first text, there may be noise from switching on.
        spoken = lines[next((number for number, raw in enumerate(lines) if is_speech(raw)), len(lines)) :]
        spoken[:1] = [raw[_leading_noise(raw) :] for raw in spoken[:1]]
        noise = sum(map(noise_bytes, spoken))
        if noise:
            return f"the line is damaged: {noise} bytes since then are no text"
        if is_torn(banner.pattern, [clean(raw) for raw in spoken]):
            return "a line in which it may stand was torn by another writer"
        return ""

    def _said(self, uart: str, mark: int) -> list[bytes]:
        lines = self._transcripts[uart].since(mark)
        return [line.raw for line in lines if line.direction is Direction.BOARD]

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
        banners = [number for number, banner in enumerate(self._banners) if banner.uart == uart]
        patterns = [self._banners[number].pattern for number in banners]
        panics = [panic.pattern for panic in self._panics if panic.uart == uart]
        expressions = [*patterns, *panics]
        scanner = self._scanners[uart] = LineScanner(expressions)
        typed = self._typing[uart]

        def listen(line: TranscriptLine, *, complete: bool) -> None:
            self._grown.set()
            self._line[uart] = line.number
            panicked = False
            for sighting in scanner.scan(line, complete=complete):
                if sighting.index < len(banners):
                    number = banners[sighting.index]
                    if not self._is_typed(number, uart, sighting):
                        self._reach(number, sighting, scanner)
                elif not panicked and not self._is_echo(uart, expressions[sighting.index], sighting):
                    panicked = True
                    self._panic(uart, line.number)
            if (prompt := typed.prompt) is not None and prompt.search(scanner.rest):
                typed.answered()

        return listen

    def _is_echo(self, uart: str, pattern: re.Pattern[str], sighting: Sighting) -> bool:
        """Whether a line that looks like a panic is the echo of what was typed at a prompt.

        What a command prints counts: a kernel that goes on after an oops comes back to its prompt, too.
        """
        typed = self._typing[uart]
        with self._lock:
            return typed.prompt is not None and typed.echoes(pattern, sighting.text)

    def _is_typed(self, number: int, uart: str, sighting: Sighting) -> bool:
        """Whether a banner is the echo of what was typed, or may be the output of a command."""
        typed = self._typing[uart]
        with self._lock:
            if typed.echoes(self._banners[number].pattern, sighting.text):
                return True
            came_before = number in self._seen or number <= self._reached
            if typed.suspect and number > self._first and not typed.judge:  # the boot goes on: it was no output
                typed.answered()
                self._judge(Verdict.RESTART)
            return (came_before or typed.judged) and typed.holds(first=came_before and number == self._first)

    def _reach(self, number: int, sighting: Sighting, scanner: LineScanner) -> None:
        now = time.monotonic()
        with self._lock:
            if number == self._first and self._has_come(number):
                self._come_again(sighting, scanner, now)
            else:
                if number not in self._seen:
                    self._seen[number] = (now, sighting.text)
                    scanner.forget_pauses()
                if number > self._reached:
                    self._reached = number
                    self._stage_line = dict(self._line)
                if self._suspicion is not None and number >= self._suspicion.furthest:
                    self._judge(self._suspicion.verdict(now))
        os.eventfd_write(self._changed, 1)

    def _has_come(self, first: int) -> bool:
        """Whether the first banner was seen, or must have been lost: a later one came before it on the same console.

        A lossless line loses nothing: there, the banners only come in another order than the board file has them.
        """
        uart = self._banners[first].uart
        return first in self._seen or (
            not self._lossless and any(number > first and self._banners[number].uart == uart for number in self._seen)
        )

    def _come_again(self, sighting: Sighting, scanner: LineScanner, now: float) -> None:
        """Find out what it means that the first banner came again."""
        before = self._seen.get(self._first, (now, ""))
        if self._rebooting:
            self._begin()
            self._seen[self._first] = (now, sighting.text)
            self._reached = self._first
            self._stage_line = dict(self._line)
        elif not self._lossless and same_stamp(before[1], sighting.text):
            self._repeats += 1
        elif self._lossless or scanner.pause >= PAUSE_SECONDS:
            self._judge(Verdict.RESTART)
        elif self._reached == self._first:
            self._repeats += 1  # the log may be printed twice, line by line
        elif self._suspicion is None:
            furthest = max(self._seen)
            first_seconds = self._seen[furthest][0] - before[0]
            self._suspicion = Suspicion(now, first_seconds, furthest, lambda: self._judge(Verdict.UNKNOWN))

    def _judge(self, verdict: Verdict) -> None:
        with self._lock:
            self._forget_suspicion()
            self._repeats += 1
            first, stage = self._banners[self._first].stage, self.stage
        if verdict is Verdict.RESTART:
            why = f"the board rebooted: the banner of stage `{first}` came after stage `{stage}`"
            self._ring(lambda: self._unless_excused(UnexpectedReboot(why, stage=stage)))
        elif verdict is Verdict.UNKNOWN:
            why = (
                f"the banner of stage `{first}` came again after stage `{stage}`, without a pause: "
                "the board rebooted, or its log was printed twice"
            )
            hint = "if this board's log is printed twice, say `repeats: true` at this banner in the board file"
            self._ring(lambda: ConsoleInterrupted(why, stage=stage, hint=hint))

    def _forget_suspicion(self) -> None:
        if self._suspicion is not None:
            self._suspicion.drop()
            self._suspicion = None

    def _unless_excused(self, error: HilError) -> HilError:
        """Return `error`, or one of the line or the power if these have failed."""
        excuse = self._excuse()
        return error if excuse is None else type(excuse)(f"{error.message}; but {excuse.message}", stage=self.stage)

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


def _leading_noise(raw: bytes) -> int:
    """Return how many bytes of a line stand before its text."""
    found = _BEFORE_TEXT.match(raw)
    return found.end() if found else 0
