from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from paramiko import Channel

from hil.board.ssh.channel import Arrivals
from hil.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

ROUNDS = 150


@pytest.fixture
def interrupted() -> Iterator[None]:
    """Let other threads run before each line that this one executes in paramiko or in `hil.board.ssh`."""

    def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.endswith(("pipe.py", "channel.py")):
            return None
        time.sleep(0)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    yield
    sys.settrace(before)


@pytest.mark.usefixtures("interrupted")
def test_no_arrival_is_missed_while_the_other_stream_is_read() -> None:
    """Output comes just while errors are read: whatever the order, the reader hears of both."""
    channel = Channel(0)
    arrivals = Arrivals(channel)
    together = threading.Barrier(2, timeout=10)

    def feed() -> None:
        for delay in range(ROUNDS):
            channel.in_stderr_buffer.feed(b"e")
            together.wait()
            for _ in range(delay % 50):
                time.sleep(0)
            channel.in_buffer.feed(b"o")
            together.wait()

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    for _ in range(ROUNDS):
        together.wait()
        missing = 2
        while missing:
            assert arrivals.take(Deadline.after(5))
            missing -= len(channel.recv(1)) if channel.recv_ready() else 0
            missing -= len(channel.recv_stderr(1)) if channel.recv_stderr_ready() else 0
        together.wait()
    feeder.join()
