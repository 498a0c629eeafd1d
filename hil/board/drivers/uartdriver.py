"""labgrid driver: a serial line of a board, selected by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attr
from labgrid.driver import Driver
from labgrid.driver.consoleexpectmixin import ConsoleExpectMixin
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol

from hil.board.drivers.protocols import BoardProtocol
from hil.board.drivers.qemu import read_for_labgrid

if TYPE_CHECKING:
    from hil.console import ByteStream


@target_factory.reg_driver
@attr.s(eq=False)
class UartDriver(ConsoleExpectMixin, Driver, ConsoleProtocol):  # type: ignore[misc]
    """A console for labgrid, and a `hil.console.ByteStream` as `stream`.

    Args:
        uart: name of the line; the driver's own name if not given
        txchunk, txdelay: how many bytes are sent at a time, and seconds between, for a UART that loses what is fast
    """

    bindings = {"board": BoardProtocol}  # noqa: RUF012 - labgrid's way
    linesep = "\n"  # what labgrid's `sendline` ends a line with; its version after 26.0.1 asks the driver

    uart: str = attr.ib(default="", validator=attr.validators.instance_of(str))
    txdelay: float = attr.ib(default=0.0, validator=[attr.validators.instance_of((int, float)), attr.validators.ge(0)])
    txchunk: int = attr.ib(default=1, validator=[attr.validators.instance_of(int), attr.validators.ge(1)])

    def get_priority(self, protocol: type) -> int:
        """Give the board's first line priority, so that a look-up without a name finds it."""
        return 1 if protocol is ConsoleProtocol and (self.uart or self.name) == self.board.uarts[0] else 0

    @property
    def stream(self) -> ByteStream:
        """The raw line, for use until the next power cycle or fork of the board."""
        uart: ByteStream = self.board.uart(self.uart or self.name)
        return uart

    def _read(self, size: int = 1, timeout: float = 10, max_size: int | None = None) -> bytes:  # noqa: ARG002
        return read_for_labgrid(self.stream, timeout)

    def _write(self, data: bytes) -> int:
        self.stream.send(data)
        return len(data)

    def __str__(self) -> str:
        return f"UartDriver({self.target.name}, {self.uart or self.name})"

    def resolve_conflicts(self, client: Any) -> None:
        """Resolve nothing: all drivers that are bound may use the line, because the layers above take turns."""
