"""Forwards a port of this machine to a port on the other side of an SSH connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from hil.board.ssh.channel import BROKEN, close
from hil.deadline import Deadline
from hil.errors import HilError, UsageError

if TYPE_CHECKING:
    from hil.board.ssh.session import Session

_OPEN_SECONDS = 10.0
_CHUNK = 1 << 16


class Forward:
    """Forwards every connection to `port` on the loopback address until it is closed."""

    def __init__(self, session: Session, host: str, remote_port: int, local_port: int = 0) -> None:
        try:
            self._listener = socket.create_server(("127.0.0.1", local_port))
        except OSError as error:
            raise UsageError(f"local port {local_port} cannot be used: {error.strerror}") from error
        self._session = session
        self._to = (host, remote_port)
        self._ends: set[Any] = set()
        threading.Thread(target=self._accept, name="ssh-forward", daemon=True).start()

    @property
    def port(self) -> int:
        """The local port."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Accept no more connections, and end the open ones."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in tuple(self._ends):
            _end(end)

    def __enter__(self) -> Forward:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), name="ssh-forward", daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(_end, near)
            try:
                far = self._session.tunnel(*self._to, Deadline.after(_OPEN_SECONDS))
            except HilError:
                return  # nothing listens on the far side; closing the near one tells the client
            stack.callback(_end, far)
            self._ends |= {near, far}
            stack.callback(self._ends.difference_update, (near, far))
            back = threading.Thread(target=_pump, args=(far, near), name="ssh-forward", daemon=True)
            back.start()
            _pump(near, far)
            back.join()


def _pump(source: Any, sink: Any) -> None:
    """Copy one direction until its end, and pass the end on."""
    with contextlib.suppress(*BROKEN):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(*BROKEN):
        sink.shutdown(socket.SHUT_WR)


def _end(end: Any) -> None:
    """Shut down and close a socket or channel: closing alone would not wake a thread that waits on it."""
    with contextlib.suppress(*BROKEN):
        end.shutdown(socket.SHUT_RDWR)
    close(end)
