"""A run that waits hears of every signal, whichever of its threads the kernel gives it to."""

from __future__ import annotations

import queue
import signal
import threading

import pytest

from hil.interruption import ENDING
from hil.session.scheduler.interruption import interruptions


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_another_thread_gets_is_heard_by_one_that_waits(number: signal.Signals) -> None:
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()

    def get_signalled() -> None:
        signal.pthread_kill(threading.get_ident(), number)
        signal.pthread_kill(threading.get_ident(), number)

    with interruptions(lambda: heard.put("end")):
        threading.Timer(0.2, get_signalled).start()
        assert [heard.get(timeout=30) for _ in range(2)] == ["end", "end"]


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    with interruptions(lambda: None):
        assert [signal.getsignal(number) for number in ENDING] != before
    assert [signal.getsignal(number) for number in ENDING] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_hangup_is_heard_if_it_comes_first() -> None:
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()
    with interruptions(lambda: heard.put("end")):
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            signal.raise_signal(number)
    assert [heard.get(timeout=30) for _ in range(2)] == ["end", "end"]
    assert heard.empty()


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptions(lambda: None):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
