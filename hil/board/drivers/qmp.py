"""QEMU's control connection (QMP); every wait has a deadline."""

from __future__ import annotations

import contextlib
import json
import select
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from hil.errors import EmulatorControlError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from hil.board.drivers.alarm import Alarm
    from hil.deadline import Deadline

Message = dict[str, Any]


class Qmp:
    """A QMP client on a connected socket. QEMU reads commands in order, so they may be sent before it is up.

    Protocol: QEMU's `docs/interop/qmp-spec.rst`. Every command has an ID, which its answer repeats.
    """

    def __init__(self, line: socket.socket, alarm: Alarm, describe: Callable[[], str]) -> None:
        line.setblocking(False)
        self._line = line
        self._alarm = alarm
        self._describe = describe
        self._reading = threading.Lock()
        self._ended = False
        self._buffer = b""
        self._events: deque[Message] = deque(maxlen=256)
        self._answers: dict[int, Message] = {}
        self._posted: dict[int, str] = {}
        self._next = 0
        self.post("qmp_capabilities")

    def post(self, command: str, arguments: Mapping[str, Any] | None = None) -> int:
        """Send a command; return its ID for `answer`."""
        self._next += 1
        self._posted[self._next] = command
        message = {"execute": command, "arguments": dict(arguments or {}), "id": self._next}
        with contextlib.suppress(OSError):  # if QEMU has ended or takes no more, its answer will not come either
            self._line.sendall(json.dumps(message).encode() + b"\n")
        return self._next

    def answer(self, posted: int, deadline: Deadline) -> Any:
        """Wait for the answer to the command with this ID. Raises `EmulatorControlError`, or the alarm's error."""
        command = self._posted[posted]
        self._await(lambda: posted in self._answers, f"answer `{command}`", deadline)
        answer = self._answers.pop(posted)
        if "error" in answer:
            raise EmulatorControlError(f"QEMU refused `{command}`: {answer['error'].get('desc')}")
        return answer["return"]

    def execute(self, command: str, arguments: Mapping[str, Any] | None = None, *, deadline: Deadline) -> Any:
        """Send a command, and return its answer."""
        return self.answer(self.post(command, arguments), deadline)

    def await_event(self, name: str, wanted: Callable[[Message], bool], deadline: Deadline) -> Message:
        """Return the data of the first event with this name that is `wanted`; drop all events before it."""
        found: list[Message] = []

        def seen() -> bool:
            while self._events and not found:
                event = self._events.popleft()
                if event["event"] == name and wanted(event.get("data", {})):
                    found.append(event.get("data", {}))
            return bool(found)

        self._await(seen, f"report {name}", deadline)
        return found[0]

    def last_words(self) -> tuple[Message, ...]:
        """Return the events that are still unread after QEMU has exited."""
        self._read()
        return tuple(self._events)

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def _await(self, done: Callable[[], bool], what: str, deadline: Deadline) -> None:
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        poll.register(self._alarm, select.POLLIN)
        while not done():
            if self._ended:
                poll.unregister(self._line)
            ready = poll.poll(deadline.remaining * 1000)
            self._alarm.check()
            if not ready:
                raise EmulatorControlError(
                    f"QEMU did not {what} within {deadline} ({self._describe()})",
                    hint="see whether the process is stopped or the machine overloaded, then run again",
                )
            self._read()

    def _read(self) -> None:
        with self._reading:
            self._take()

    def _take(self) -> None:
        try:
            while data := self._line.recv(65536):
                self._buffer += data
            self._ended = True
        except BlockingIOError:
            pass
        except OSError:
            self._ended = True
        *lines, self._buffer = self._buffer.split(b"\n")
        for message in (json.loads(line) for line in lines if line.strip()):
            if "event" in message:
                self._events.append(message)
            elif "id" in message:
                self._answers[message["id"]] = message
