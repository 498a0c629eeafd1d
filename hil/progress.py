"""What a person sees while something takes long."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

WORTH_A_LINE_SECONDS = 1.0


class Progress(Protocol):
    """Told of every step that does work; steps that find nothing to do are not mentioned."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """Return the context in which the step runs."""


class Silent:
    """Shows nothing."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:  # noqa: ARG002
        """Show nothing."""
        yield


class Terminal:
    """A spinner where a person watches, plain lines in pipes; on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that the step runs and, when it took long, how long."""
        start = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(title):
                yield
        else:
            self._say(f"{title} ...")
            yield
        took = time.monotonic() - start
        if took >= WORTH_A_LINE_SECONDS:
            self._say(f"{title}: {took:.1f} s")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)
