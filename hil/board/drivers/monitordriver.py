"""labgrid driver: the monitor's shell on a serial line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory

from hil.errors import ConsoleClosed

if TYPE_CHECKING:
    from hil.deadline import Deadline
    from hil.target.monitor import Monitor


@target_factory.reg_driver
@attr.s(eq=False)
class MonitorDriver(Driver):  # type: ignore[misc]
    """Speaks with the monitor over the console it is bound to."""

    bindings = {"console": "UartDriver"}  # noqa: RUF012 - labgrid's way

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._monitor: Monitor | None = None

    @property
    def monitor(self) -> Monitor:
        """The monitor of the running board. Raises `ConsoleClosed` before `connect`."""
        if self._monitor is None:
            raise ConsoleClosed("nobody is connected to the monitor", hint='transition the board to "monitor"')
        return self._monitor

    @Driver.check_active  # type: ignore[untyped-decorator]
    def connect(self, deadline: Deadline) -> Monitor:
        """Return the monitor, once it has answered; after every power cycle and every fork it is a new one."""
        from hil.target.monitor import Monitor

        monitor = Monitor(self.console.stream)
        monitor.wait_ready(deadline)
        self._monitor = monitor
        return monitor

    def on_deactivate(self) -> None:
        """Forget the monitor."""
        self._monitor = None
