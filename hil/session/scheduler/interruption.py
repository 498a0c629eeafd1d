"""Ends a run on Ctrl-C, SIGTERM and SIGHUP."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import TYPE_CHECKING

from hil.interruption import Endings, ending_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def interruptions(notify: Callable[[], None]) -> Iterator[None]:
    """Call `notify` in a thread, once per signal that asks to end.

    A Python handler would come too late: it runs in the main thread, which waits in a queue, and the kernel may wake
    another thread with the signal. The wakeup descriptor is written in the C handler, whichever thread that is.
    """
    numbers, wakeup = socket.socketpair()
    wakeup.setblocking(False)

    endings, ending = Endings(), ending_signals()

    def listen() -> None:
        while received := numbers.recv(64):
            for number in received:
                if number in ending and endings.asks(number):
                    notify()

    thread = threading.Thread(target=listen, name="signals", daemon=True)
    before = {number: signal.signal(number, lambda *_: None) for number in ending}
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
