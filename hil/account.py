"""What is done on a board, told by those who do it, to whoever listens: calls, commands, requests, with their answers.

A driver wraps what it does in `telling`. An `Action` holds what the driver has in its hands, such as registers and
bytes: words are made of it later, by `hil.target.words`, and only of what somebody keeps. Nobody listens outside of a
test session, and then telling costs less than a microsecond.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

__all__ = [
    "Action",
    "MachineCommand",
    "Mapping",
    "MemoryAccess",
    "MonitorRequest",
    "ProgramRun",
    "ServiceCall",
    "TpmCommand",
    "listen",
    "telling",
    "untold",
]


@dataclass(slots=True)
class Action:
    """One thing that was done. `began` is monotonic, in seconds; `error` is what it ended with, empty if all went well.

    What the answer consists of is set by whoever tells it, before the end of `telling`.
    """

    began: float = field(default=0.0, init=False)
    seconds: float = field(default=0.0, init=False)
    error: str = field(default="", init=False)


@dataclass(slots=True)
class ServiceCall(Action):
    """An SMC of an agent, by the monitor's name for it, such as `m0` or `1.0`; `registers` are x0 to x17 after it."""

    agent: str
    fid: int
    arguments: tuple[int, ...]
    registers: tuple[int, ...] = ()


@dataclass(slots=True)
class TpmCommand(Action):
    """A TPM command as it was sent, and its response; `way` is how it was sent, such as an agent's name."""

    way: str
    command: bytes
    response: bytes = b""


@dataclass(slots=True)
class MemoryAccess(Action):
    """A read or write of an agent at an address as it sees it; `data` is empty until something was read."""

    agent: str
    verb: str
    address: int
    length: int
    data: bytes = b""


@dataclass(slots=True)
class Mapping(Action):
    """A change of an agent's own translation table (stage 1); `ipa` is None where pages are unmapped."""

    agent: str
    va: int
    length: int
    ipa: int | None = None


@dataclass(slots=True)
class ProgramRun(Action):
    """A program of an agent, and in words how it ended; `fault` is the exception that it caused, in words."""

    agent: str
    instructions: int
    ended: str = ""
    fault: str = ""


@dataclass(slots=True)
class MonitorRequest(Action):
    """A request to a monitor, or to another hypervisor with its protocol, and the answer."""

    text: str
    answer: str = ""


@dataclass(slots=True)
class MachineCommand(Action):
    """A command on a machine: over SSH, on a guest's console, or at a prompt. `status` is None if it was not told."""

    machine: str
    line: str
    stdout: bytes = b""
    stderr: bytes = b""
    status: int | None = None


Told = TypeVar("Told", bound=Action)
_listeners: tuple[Callable[[Action], None], ...] = ()
_thread = threading.local()


class telling(Generic[Told]):  # noqa: N801 - it is used like a function
    """A context in which `action` is done; at its end, listeners get the action, with its time and its error.

    What is done within, by lower layers, is part of it and not told on its own.
    """

    __slots__ = ("_action", "_outermost")

    def __init__(self, action: Told) -> None:
        self._action = action
        self._outermost = False

    def __enter__(self) -> Told:
        action = self._action
        if _listeners and not getattr(_thread, "inside", False):
            self._outermost = _thread.inside = True
            action.began = time.monotonic()
        return action

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._outermost:
            return
        _thread.inside = False
        action = self._action
        action.seconds = time.monotonic() - action.began
        if error is not None:
            said = getattr(error, "message", "") or str(error)
            action.error = said.partition("\n")[0] or type(error).__name__
        for listener in _listeners:
            listener(action)


@contextlib.contextmanager
def untold() -> Iterator[None]:
    """A context in which nothing is told: what the framework does to bring a board up, which has steps of its own."""
    before: Any = getattr(_thread, "inside", False)
    _thread.inside = True
    try:
        yield
    finally:
        _thread.inside = before


def listen(listener: Callable[[Action], None]) -> Callable[[], None]:
    """Have `listener` called with every action that ends from now on; returns the function that stops this."""
    global _listeners
    _listeners = (*_listeners, listener)

    def stop() -> None:
        global _listeners
        _listeners = tuple(other for other in _listeners if other is not listener)

    return stop
