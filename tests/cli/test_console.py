"""`hil console` connects a person with a serial line, and ends when either side does."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING

import pytest

from hil.cli.console import LEAVE, attach
from hil.errors import BoardDied, ConsoleTimeout

if TYPE_CHECKING:
    from hil.deadline import Deadline


class Line:
    """A serial line whose answers are told in advance; when they are used up it stays silent, or dies."""

    name = "monitor"

    def __init__(self, *answers: bytes, dies: bool = False) -> None:
        self._answers = deque(answers)
        self._dies = dies
        self._typed = threading.Event()
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data
        self._typed.set()

    def receive(self, deadline: Deadline) -> bytes:
        if self._answers:
            return self._answers.popleft()
        if self._dies:
            raise BoardDied("the emulator is gone")
        self._typed.wait(deadline.remaining)
        raise ConsoleTimeout("silence")

    def silence(self) -> None:
        return None

    def tail(self, lines: int = 20) -> tuple[str, ...]:  # noqa: ARG002
        return ()


def test_keys_reach_the_line_until_ctrl_bracket() -> None:
    keyboard, typing = os.pipe()
    shown, screen = os.pipe()
    line = Line(b"monitor: ready\r\n")
    os.write(typing, b"ver")
    ended = threading.Thread(target=attach, args=(line, keyboard, screen))
    ended.start()
    assert os.read(shown, 100) == b"monitor: ready\r\n"
    assert line._typed.wait(10)
    os.write(typing, LEAVE)
    ended.join(10)
    assert not ended.is_alive()
    assert line.sent == b"ver"


def test_the_death_of_the_board_ends_the_console() -> None:
    keyboard, _typing = os.pipe()
    _shown, screen = os.pipe()
    with pytest.raises(BoardDied):
        attach(Line(b"BL1\r\n", dies=True), keyboard, screen)
