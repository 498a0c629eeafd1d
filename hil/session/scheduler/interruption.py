"""What ends a run from outside: Ctrl-C and SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptions(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` in a thread, once per signal.

    A handler runs when the main thread gets to it, which waits, and need not be the thread that a signal wakes. What is
    written to the wakeup descriptor is there at once.
    """
    numbers, wakeup = socket.socketpair()
    wakeup.setblocking(False)

    def listen() -> None:
        while received := numbers.recv(64):
            for number in received:
                if number in ENDING:
                    tell()

    thread = threading.Thread(target=listen, name="signals", daemon=True)
    before = {number: signal.signal(number, lambda *_: None) for number in ENDING}
    descriptor = signal.set_wakeup_fd(wakeup.fileno())
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        wakeup.close()
        thread.join()
        numbers.close()
