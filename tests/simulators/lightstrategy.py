"""labgrid strategy for light boards: power on, wait for the last banner, speak with the monitor."""

from __future__ import annotations

import socket

import attr
from labgrid.factory import target_factory
from labgrid.step import step
from labgrid.strategy import Strategy

from hil.deadline import Deadline
from hil.drivers.alarm import Alarm
from hil.drivers.uart import Uart
from hil.errors import BoardSilent, ConsoleTimeout, UsageError
from hil.monitor import Monitor
from hil.monitor.link import BANNER
from hil.record.transcript import MemorySink, TranscriptSink
from hil.strategies.boardstrategy import breaking

BOOT_SECONDS = 20.0


@target_factory.reg_driver
@attr.s(eq=False)
class LightStrategy(Strategy):  # type: ignore[misc]
    """Knows the states off and monitor; `fork` is the board as it is, once it runs."""

    bindings = {"power": "NetworkPowerDriver", "port": "NetworkSerialPort"}  # noqa: RUF012 - labgrid's way

    broken: Exception | None
    states = ("off", "monitor")

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.board = self
        self.board_name = self.target.name
        self.sink: TranscriptSink = MemorySink()
        self.stage = "off"
        self._uart: Uart | None = None

    @breaking
    @step(args=["status"])  # type: ignore[untyped-decorator]
    def transition(self, status: str) -> None:
        """Switch the board on or off."""
        if status not in self.states:
            raise UsageError(f"a light board has no state {status}")
        if status == self.stage:
            return
        self.target.activate(self.power)
        self.power.off()
        if self._uart is not None:
            self._uart.close()
            self._uart = None
        if status == "monitor":
            self._boot()
        self.stage = status

    @breaking
    def fork(self) -> Monitor:
        """Return the monitor of the running board."""
        self.transition("monitor")
        assert self._uart is not None
        return Monitor(self._uart)

    def _boot(self) -> None:
        line = socket.create_connection((self.port.host, self.port.port), BOOT_SECONDS)
        self._uart = Uart("monitor", line, self.sink.transcript(self.target.name, "monitor"), Alarm())
        self.power.on()
        deadline = Deadline.after(BOOT_SECONDS)
        heard = b""
        try:
            while BANNER not in heard:
                heard += self._uart.receive(deadline)
        except ConsoleTimeout as error:
            raise BoardSilent(f"a light board said no `{BANNER.decode()}` within {deadline}") from error
