"""A board without hardware: what it does is written in its board file."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import attr
from labgrid.factory import target_factory
from labgrid.step import step
from labgrid.strategy import Strategy
from labgrid.strategy.common import never_retry

import hil.errors
from hil.record.transcript import MemorySink, Transcript, TranscriptSink

if TYPE_CHECKING:
    from pathlib import Path


class Status(Enum):
    off = 0
    firmware = 1
    monitor = 2


class FakeMonitor:
    """Says what it is told to say, and fails as it is told to fail."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    def say(self, data: bytes) -> None:
        self._transcript.received(data)

    def fail(self, error: str, message: str) -> None:
        raise getattr(hil.errors, error)(message, stage="monitor", hint="look at the cable")


@target_factory.reg_driver
@attr.s(eq=False)
class FakeStrategy(Strategy):  # type: ignore[misc]
    """Raises `boot_error` of our tree on the way to the monitor, if there is one."""

    boot_error: str = attr.ib(default="", validator=attr.validators.instance_of(str))
    states: list[str] = attr.ib(factory=lambda: ["firmware", "monitor"])

    status = Status.off
    transcript: Transcript | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.sink: TranscriptSink = MemorySink()

    @property
    def stage(self) -> str:
        return self.status.name

    @property
    def transcripts(self) -> dict[str, Transcript]:
        return {"monitor": self.transcript} if self.transcript else {}

    @never_retry  # type: ignore[untyped-decorator]
    @step(args=["status"])  # type: ignore[untyped-decorator]
    def transition(self, status: str) -> None:
        if self.transcript is None:
            self.transcript = self.sink.transcript("fake", "monitor")
        if status == "monitor":
            self.status = Status.firmware
            self.transcript.received(b"BL1: hello\n")
            if self.boot_error:
                error = getattr(hil.errors, self.boot_error, OSError)
                raise error("the boot went wrong")
        if status == "off":
            self.transcript.note("power off")
        self.status = Status[status]

    def force(self, status: str) -> None:
        self.broken = None
        self.transition(status)

    def fork(self, kept: Path | None = None) -> FakeMonitor:  # noqa: ARG002
        self.transition("monitor")
        assert self.transcript is not None
        return FakeMonitor(self.transcript)
