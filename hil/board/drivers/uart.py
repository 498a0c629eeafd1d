"""A serial line over a socket, read by whichever thread is awake."""

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
"""How many unread bytes are kept; beyond that, the oldest are dropped. The transcript has all of them."""
SEND_SECONDS = 10.0


class Uart:
    """A `ByteStream` on a socket.

    While no thread is in `receive`, one of the owner's empties the line by `drain`, so that the board never stalls, and
    the transcript has the right time for every line. A thread in `receive` reads the socket itself, which saves
    switching threads for each answer.
    """

    def __init__(
        self,
        name: str,
        line: socket.socket,
        transcript: Transcript,
        alarm: Alarm,
        processors: Callable[[], str] = str,
    ) -> None:
        """`processors` returns where each processor of the running machine is, or "" if it does not run."""
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
        """Have `rearm` called whenever `receive` stops reading, so that the owner calls `drain` again."""
        self._rearm = rearm

    def send(self, data: bytes) -> None:
        """Write all of `data`. Raises `BoardDied` or `ConsoleClosed` if the other side is gone."""
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
        """Wait for output, and return at least one byte.

        Raises `ConsoleTimeout` at the deadline; `BoardDied` or `ConsoleClosed` as soon as the other side is gone.
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
        """Read all that has arrived, unless a thread in `receive` reads it."""
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
        """Return a `FirmwareHang` if the machine runs: this line loses nothing. If not, QEMU may be at fault: None."""
        processors = self._processors()
        if not processors:
            return None
        return FirmwareHang(
            f"the firmware does not answer on console `{self._name}`, but the emulator runs: {processors}",
            console=self.tail(),
            hint="look up the addresses in the ELF files of build/, with addr2line",
        )

    def close(self) -> None:
        """Close the line; further use raises `ConsoleClosed`."""
        self._closed = True
        self._line.close()

    def _read(self) -> bool:
        """Move bytes from the socket to the unread bytes; return False if there are none."""
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
        """Wait a moment for the alarm: the socket closes before the reader knows why the process ended."""
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
