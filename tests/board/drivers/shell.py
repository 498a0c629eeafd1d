"""A stand-in for the monitor: a shell that is there when a byte comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attr
from labgrid.factory import target_factory

from hil.board.drivers import MonitorDriver

if TYPE_CHECKING:
    from hil.console import ByteStream
    from hil.deadline import Deadline


class EchoShell:
    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream

    def ask(self, byte: bytes, deadline: Deadline) -> bytes:
        self.stream.send(byte)
        answer = b""
        while not answer.endswith(byte):
            answer += self.stream.receive(deadline)
        return byte


@target_factory.reg_driver
@attr.s(eq=False)
class EchoMonitorDriver(MonitorDriver):
    def connect(self, deadline: Deadline) -> EchoShell:
        shell = EchoShell(self.console.stream)
        shell.ask(b"!", deadline)
        return shell
