"""One serial line of a real board, which may go away for a while: a USB adapter is reset, an exporter restarted."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections import deque
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout, HilError

if TYPE_CHECKING:
    from collections.abc import Callable

    import serial

    from hil.board.drivers.alarm import Alarm
    from hil.record.transcript import Transcript

GLANCE_SECONDS = 0.2
"""How long the reader waits for bytes before it looks whether the line was closed."""
RETRY_SECONDS = 0.05
SEND_SECONDS = 10.0
UNREAD_BYTES = 4 * 1024 * 1024
"""How much nobody asked for is kept; beyond, the oldest goes (the transcript has it)."""


class SerialLine:
    """A `ByteStream` that a thread reads at any time, so that every line is stamped when it comes.

    When the port goes away it is opened again, by its name, as soon as it is back; the transcript says when. What the
    board said meanwhile is lost, and `interruptions` counts that. If it stays away, the board's alarm rings.
    """

    def __init__(
        self,
        name: str,
        open_port: Callable[[], serial.SerialBase],
        transcript: Transcript,
        alarm: Alarm,
        patience: float,
    ) -> None:
        """Open the port. Raises `OSError`. `patience` is how many seconds it may be away."""
        self._name = name
        self._open = open_port
        self._transcript = transcript
        self._alarm = alarm
        self._patience = patience
        self._port = open_port()
        self._connected = threading.Event()
        self._connected.set()
        self._closed = threading.Event()
        self._news = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self.interruptions = 0
        self.heard = False
        self._reader = threading.Thread(target=self._read_all, name=f"serial-{name}", daemon=True)
        self._reader.start()

    @property
    def name(self) -> str:
        """Name of the line in transcripts, such as `monitor` or `firmware`."""
        return self._name

    def send(self, data: bytes) -> None:
        """Write all of `data`; once more from its beginning when the line went away meanwhile.

        Raises `BoardDied` or `ConsoleClosed` when it is gone for good, `ConsoleTimeout` when it takes no more.
        """
        self._check()
        self._transcript.sent(data)
        deadline = Deadline.after(SEND_SECONDS + self._patience)
        while True:
            if not self._connected.wait(min(GLANCE_SECONDS, deadline.remaining)):
                self._check()
            else:
                with contextlib.suppress(OSError):
                    self._port.write(data)
                    return
                self._closed.wait(RETRY_SECONDS)  # the reader finds out what is wrong with the port
            if deadline.expired:
                raise ConsoleTimeout(f"console `{self._name}` takes no input within {deadline}", console=self.tail())

    def receive(self, deadline: Deadline) -> bytes:
        """Return at least one byte, as soon as there is any.

        Raises `ConsoleTimeout` at the deadline, and what the alarm rang for, or `ConsoleClosed`, at once.
        """
        poll = select.poll()
        poll.register(self._news, select.POLLIN)
        poll.register(self._alarm, select.POLLIN)
        while True:
            self._check()
            if data := self._take():
                return data
            if not poll.poll(deadline.remaining * 1000):
                raise ConsoleTimeout(
                    f"console `{self._name}` did not answer within {deadline}: it said nothing", console=self.tail()
                )

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the last lines seen, for error messages."""
        return self._transcript.tail(lines)

    def silence(self) -> HilError | None:
        """Return None: a real line may have lost the question or the answer."""
        return None

    def close(self) -> None:
        """Let go of the port; further use raises `ConsoleClosed`."""
        self._closed.set()
        os.eventfd_write(self._news, 1)
        self._reader.join(SEND_SECONDS)
        self._port.close()

    def _read_all(self) -> None:
        """Thread: read until the line is closed, or away for too long."""
        while not self._closed.is_set():
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except OSError as error:
                self._connected.clear()
                if not self._reconnect(error):
                    return
                self._connected.set()
            else:
                if data:
                    self._received(data)

    def _received(self, data: bytes) -> None:
        self.heard = True
        self._transcript.received(data)
        with self._lock:
            self._unread.append(data)
            self._unread_bytes += len(data)
            while self._unread_bytes > UNREAD_BYTES and len(self._unread) > 1:
                self._unread_bytes -= len(self._unread.popleft())
            os.eventfd_write(self._news, 1)

    def _take(self) -> bytes:
        with self._lock:
            data = b"".join(self._unread)
            self._unread.clear()
            self._unread_bytes = 0
            if not self._closed.is_set():
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._news)
        return data

    def _reconnect(self, error: OSError) -> bool:
        """Open the port again. False when the line was closed, or when patience is over; then the alarm rings."""
        self.interruptions += 1
        self._transcript.note(f"the line is gone: {error}")
        self._port.close()
        deadline = Deadline.after(self._patience)
        while not self._closed.wait(RETRY_SECONDS):
            try:
                self._port = self._open()
            except OSError as failure:
                if deadline.expired:
                    self._give_up(deadline, failure)
                    return False
            else:
                self._transcript.note("the line is back")
                return True
        return False

    def _give_up(self, deadline: Deadline, failure: OSError) -> None:
        why = f"console `{self._name}` is gone, and did not come back within {deadline}: {failure}"
        hint = "check the USB adapter and its cable, or the exporter"
        self._alarm.ring(lambda: ConsoleClosed(why, console=self.tail(), hint=hint))

    def _check(self) -> None:
        try:
            self._alarm.check()
        except HilError as error:
            raise error.within(console=self.tail()) from None
        if self._closed.is_set():
            raise ConsoleClosed(f"console `{self._name}` is closed", console=self.tail())

    def __del__(self) -> None:
        os.close(self._news)
