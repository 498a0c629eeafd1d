"""One serial line over a socket, read as it comes by whoever is awake."""

from __future__ import annotations

import select
import threading
from collections import deque
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout, FirmwareHang, HilError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from hil.board.drivers.alarm import Alarm
    from hil.record.transcript import Transcript

CHUNK_BYTES = 64 * 1024
UNREAD_BYTES = 4 * 1024 * 1024
"""How much nobody asked for is kept; beyond, the oldest goes (the transcript has it)."""
SEND_SECONDS = 10.0


class Uart:
    """A `ByteStream`.

    A thread of the owner empties the line (`drain`) while nobody is in `receive`, so that the board never stalls and
    every line is stamped when it comes. Who is in `receive` reads the socket itself: an answer costs no thread switch.
    """

    def __init__(
        self,
        name: str,
        line: socket.socket,
        transcript: Transcript,
        alarm: Alarm,
        processors: Callable[[], str] = str,
    ) -> None:
        """`processors` says where each processor of a running machine is, or nothing if it does not run."""
        line.setblocking(False)
        self._name = name
        self._line = line
        self._transcript = transcript
        self._alarm = alarm
        self._processors = processors
        self._reading = threading.Lock()
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._closed = False
        self._rearm: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        """Name of the line in transcripts, such as `monitor` or `firmware`."""
        return self._name

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._line.fileno()

    def on_idle(self, rearm: Callable[[], None]) -> None:
        """Call `rearm` whenever `receive` stops reading: from then on it is for `drain` to do so."""
        self._rearm = rearm

    def send(self, data: bytes) -> None:
        """Write all of `data`. Raises `BoardDied` or `ConsoleClosed` when the other side is gone."""
        self._check()
        self._transcript.sent(data)
        deadline = Deadline.after(SEND_SECONDS)
        while data:
            try:
                data = data[self._line.send(data) :]
            except BlockingIOError:
                self._await(select.POLLOUT, deadline, "it takes no more input")
                self._check()
            except OSError as error:
                self._await_alarm()
                raise self._gone() from error

    def receive(self, deadline: Deadline) -> bytes:
        """Return at least one byte, as soon as there is any.

        Raises `ConsoleTimeout` at the deadline, and `BoardDied` or `ConsoleClosed` at once when the other side is gone.
        """
        self._check()
        with self._reading:
            try:
                while not (self._unread or self._read() or self._closed or self._alarm.ringing):
                    self._await(select.POLLIN, deadline, "it said nothing")
                data = self._take()
            finally:
                self._rearm()
        if not data or self._alarm.ringing:
            self._await_alarm()
            raise self._gone()
        return data

    def drain(self) -> None:
        """Read what has come, unless somebody is in `receive` and does."""
        if self._reading.acquire(blocking=False):
            try:
                while self._read():
                    pass
            finally:
                self._reading.release()
                if not self._closed:
                    self._rearm()

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the last lines seen, for error messages."""
        return self._transcript.tail(lines)

    def silence(self) -> HilError | None:
        """The line loses nothing, so when the machine runs, its firmware hangs; else it may be the emulator's fault."""
        processors = self._processors()
        if not processors:
            return None
        return FirmwareHang(
            f"the firmware gives no answer on console `{self._name}`; the emulator runs: {processors}",
            console=self.tail(),
            hint="look up the addresses in the ELF files of build/, with addr2line",
        )

    def close(self) -> None:
        """Let go of the line; further use raises `ConsoleClosed`."""
        self._closed = True
        self._line.close()

    def _read(self) -> bool:
        """Move what the socket holds to the unread bytes; False when there is nothing now."""
        try:
            data = self._line.recv(CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._closed = True
            return False
        self._transcript.received(data)
        self._unread.append(data)
        self._unread_bytes += len(data)
        while self._unread_bytes > UNREAD_BYTES and len(self._unread) > 1:
            self._unread_bytes -= len(self._unread.popleft())
        return True

    def _take(self) -> bytes:
        data = b"".join(self._unread)
        self._unread.clear()
        self._unread_bytes = 0
        return data

    def _await(self, event: int, deadline: Deadline, silence: str) -> None:
        poll = select.poll()
        poll.register(self._line, event)
        poll.register(self._alarm, select.POLLIN)
        if not poll.poll(deadline.remaining * 1000):
            raise ConsoleTimeout(
                f"console `{self._name}` did not answer within {deadline}: {silence}", console=self.tail()
            )

    def _await_alarm(self) -> None:
        """The other end closed: its death, if that is why, is known a moment later."""
        poll = select.poll()
        poll.register(self._alarm, select.POLLIN)
        poll.poll(200)
        self._check()

    def _check(self) -> None:
        try:
            self._alarm.check()
        except HilError as error:
            raise error.within(console=self.tail()) from None
        if self._line.fileno() < 0:
            raise self._gone()

    def _gone(self) -> ConsoleClosed:
        return ConsoleClosed(f"console `{self._name}` is closed", console=self.tail())
