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
    """Connects to the monitor over the console that it is bound to."""

    bindings = {"console": "UartDriver"}  # noqa: RUF012 - labgrid's way

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._monitor: Monitor | None = None

    @property
    def monitor(self) -> Monitor:
        """The monitor that `connect` returned last. Raises `ConsoleClosed` before that."""
        if self._monitor is None:
            raise ConsoleClosed(
                "there is no connection to the monitor", hint="bring the board into the state `monitor`"
            )
        return self._monitor

    @Driver.check_active  # type: ignore[untyped-decorator]
    def connect(self, deadline: Deadline) -> Monitor:
        """Wait until the monitor answers, and return it. Connect again after every power cycle and every fork."""
        from hil.target.monitor import Monitor

        monitor = Monitor(self.console.stream)
        monitor.wait_ready(deadline)
        self._monitor = monitor
        return monitor

    def on_deactivate(self) -> None:
        """Forget the monitor."""
        self._monitor = None
