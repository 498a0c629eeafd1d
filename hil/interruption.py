"""What ends a command early: Ctrl-C, SIGTERM, and SIGHUP when the terminal or the session at it is gone.

Whatever was ignored when the process started stays ignored: that is how `nohup`, and a shell that starts a job in the
background, say that a signal is not for us.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import termios
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end this process, without those that whoever started it had it ignore."""
    return tuple(number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN)


class Endings:
    """Tells which of the signals that arrive are a request to end.

    A hangup is one only if it comes first. The kernel, the shell and a service manager each send one on top of what
    they sent before, and a second request would cut short the work that switches the board off.
    """

    def __init__(self) -> None:
        self._asked = False

    def asks(self, number: int) -> bool:
        """Whether a signal that has just arrived is a request to end."""
        if number == signal.SIGHUP:
            leave_terminal()
            if self._asked:
                return False
        self._asked = True
        return True


@contextlib.contextmanager
def raised_as_keyboard_interrupt() -> Iterator[None]:
    """Raise `KeyboardInterrupt` in the main thread for every request to end, so that the board is switched off.

    Nothing changes in another thread, nor inside such a block.
    """
    is_nested = isinstance(signal.getsignal(signal.SIGTERM), _Raise)
    if is_nested or threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = _Raise()
    before = {number: signal.signal(number, handler) for number in ending_signals()}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextlib.contextmanager
def keyboard_for_another() -> Iterator[None]:
    """Leave Ctrl-C to a program that we have started, for as long as the block lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which that program would inherit
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def leave_terminal() -> None:
    """Stop using a terminal that is gone, where each write would fail, and with it what is left to do."""
    for descriptor in (0, 1, 2):
        try:
            termios.tcgetattr(descriptor)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                nothing = os.open(os.devnull, os.O_RDWR)
                os.dup2(nothing, descriptor)
                os.close(nothing)


class _Raise:
    """A signal handler."""

    def __init__(self) -> None:
        self._endings = Endings()

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if self._endings.asks(number):
            raise KeyboardInterrupt(signal.Signals(number).name)
