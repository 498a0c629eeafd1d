"""The one thread that may use a board, and how other threads have it do something."""

from __future__ import annotations

import queue
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

LOOK_SECONDS = 0.5
"""How often to look, while nobody asks for anything, whether it is time to end."""


class BoardThread:
    """Does what the threads of connections ask for, one thing after the other, in the thread that calls `run`."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._ended = False

    def do(self, work: Callable[[], Answer]) -> Answer:
        """Have the board's thread call `work`, and return or raise what that does.

        Raises `ConnectionAbortedError` if the board is no longer served.
        """
        future: Future[Answer] = Future()
        self._asked.put((work, future))
        if self._ended:
            self._refuse_all()
        return future.result()

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Serve until `goes_on` returns False. Raises what it raises, and what ends the board."""
        try:
            while goes_on():
                self._next()
        finally:
            self._ended = True
            self._refuse_all()

    def _next(self) -> None:
        try:
            work, future = self._asked.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            return
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(ConnectionAbortedError(str(error)))
            raise

    def _refuse_all(self) -> None:
        while True:
            try:
                _, future = self._asked.get_nowait()
            except queue.Empty:
                return
            future.set_exception(ConnectionAbortedError("the board is no longer served"))
