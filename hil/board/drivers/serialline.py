"""A serial line of a real board. It may disappear for a while: a USB adapter is reset, or an exporter restarted."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleInterrupted, ConsoleTimeout, HilError

if TYPE_CHECKING:
    from collections.abc import Callable

    import serial

    from hil.board.drivers.alarm import Alarm
    from hil.record.transcript import Transcript

GLANCE_SECONDS = 0.2
"""How long the reader waits for bytes before it checks whether the line was closed."""
RETRY_SECONDS = 0.05
SEND_SECONDS = 10.0
HEARD_BYTES = 4096
UNREAD_BYTES = 4 * 1024 * 1024
"""How many unread bytes are kept; beyond that, the oldest are dropped. The transcript has all of them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast may be sent: `chunk` bytes at a time, with `delay` seconds between. Without a delay, all at once."""

    chunk: int = 1
    delay: float = 0.0

    def pieces(self, data: bytes) -> list[bytes]:
        """Return what is sent at a time."""
        if not self.delay:
            return [data]
        return [data[at : at + self.chunk] for at in range(0, len(data), self.chunk)]

    def seconds(self, length: int) -> float:
        """How long `length` bytes are held up."""
        return length / self.chunk * self.delay


class SerialLine:
    """A `ByteStream` that a thread reads at all times, so that the transcript has the right time for every line.

    A port that disappears is opened again, by its name, as soon as it is back; the transcript notes both. The output in
    between is lost, which `interruptions` counts. If the port stays away, the board's alarm rings.
    """

    def __init__(
        self,
        name: str,
        open_port: Callable[[], serial.SerialBase],
        transcript: Transcript,
        alarm: Alarm,
        reconnect_seconds: float,
        *,
        pace: Pace | None = None,
        others: Callable[[], str] = str,
    ) -> None:
        """Open the port. Raises `OSError`. `reconnect_seconds` is how long the port may be away.

        `others` names the programs that have the port open as well, and so take bytes from it.
        """
        self._name = name
        self._open = open_port
        self._transcript = transcript
        self._alarm = alarm
        self._reconnect_seconds = reconnect_seconds
        self._pace = pace or Pace()
        self._others = others
        self._speed = 0
        self._may_send_at = 0.0
        self._arrived = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._port = open_port()
        self._connected = threading.Event()
        self._connected.set()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self.interruptions = 0
        self._heard = b""
        self._reader = threading.Thread(target=self._read_all, name=f"serial-{name}", daemon=True)
        self._reader.start()

    @property
    def heard(self) -> bytes:
        """The first bytes that came since the line was opened."""
        with self._lock:
            return self._heard

    @property
    def name(self) -> str:
        """Name of the line in transcripts, such as `monitor` or `firmware`."""
        return self._name

    def send(self, data: bytes) -> None:
        """Write all of `data`. If the line disappears meanwhile, write all of it once more when it is back.

        Raises `BoardDied` or `ConsoleClosed` if the line stays away, `ConsoleTimeout` if it takes no more input.
        """
        self._check()
        self._transcript.sent(data)
        deadline = Deadline.after(SEND_SECONDS + self._reconnect_seconds + self._pace.seconds(len(data)))
        while True:
            if not self._connected.wait(min(GLANCE_SECONDS, deadline.remaining)):
                self._check()
            else:
                with contextlib.suppress(OSError):
                    for piece in self._pace.pieces(data):
                        self._write(piece)
                    return
                self._closed.wait(RETRY_SECONDS)  # the reader thread notices the same, and opens the port again
            if deadline.expired:
                raise ConsoleTimeout(f"console `{self._name}` takes no input within {deadline}", console=self.tail())

    def receive(self, deadline: Deadline) -> bytes:
        """Wait for output, and return at least one byte.

        Raises `ConsoleTimeout` at the deadline; the alarm's error or `ConsoleClosed` at once.
        """
        poll = select.poll()
        poll.register(self._arrived, select.POLLIN)
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
        """Return an error if another program takes bytes from the line, else None: silence proves nothing.

        A real line may have lost the question or the answer.
        """
        others = self._others()
        if not others:
            return None
        return ConsoleInterrupted(
            f"{others} has the port of console `{self._name}` open as well, and takes bytes from it",
            console=self.tail(),
            hint=f"end {others}, then run again",
        )

    def set_speed(self, speed: int) -> None:
        """Listen and send at `speed` baud from now on, also after the port was away."""
        if speed == self._port.baudrate:
            return
        self._speed = speed
        self._transcript.note(f"{speed} baud")
        with contextlib.suppress(OSError):  # away: it gets its speed when it is back
            self._port.baudrate = speed

    def close(self) -> None:
        """Close the port; further use raises `ConsoleClosed`."""
        self._closed.set()
        os.eventfd_write(self._arrived, 1)
        self._reader.join(SEND_SECONDS)
        self._port.close()

    def _write(self, piece: bytes) -> None:
        if self._pace.delay:
            self._closed.wait(max(0.0, self._may_send_at - time.monotonic()))
        self._port.write(piece)
        self._may_send_at = time.monotonic() + self._pace.delay

    def _read_all(self) -> None:
        """Thread: read until the line is closed, or stays away for too long."""
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
        self._transcript.received(data)
        with self._lock:
            self._heard = (self._heard + data)[:HEARD_BYTES] if len(self._heard) < HEARD_BYTES else self._heard
            self._unread.append(data)
            self._unread_bytes += len(data)
            while self._unread_bytes > UNREAD_BYTES and len(self._unread) > 1:
                self._unread_bytes -= len(self._unread.popleft())
            os.eventfd_write(self._arrived, 1)

    def _take(self) -> bytes:
        with self._lock:
            data = b"".join(self._unread)
            self._unread.clear()
            self._unread_bytes = 0
            if not self._closed.is_set():
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._arrived)
        return data

    def _reconnect(self, error: OSError) -> bool:
        """Open the port again. Return False if the line was closed, or stayed away too long, which rings the alarm."""
        self.interruptions += 1
        self._transcript.note(f"the line is gone: {error}")
        self._port.close()
        deadline = Deadline.after(self._reconnect_seconds)
        while not self._closed.wait(RETRY_SECONDS):
            try:
                self._port = self._open()
                if self._speed:
                    self._port.baudrate = self._speed
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
        os.close(self._arrived)
