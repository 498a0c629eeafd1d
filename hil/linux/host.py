"""The Linux that a board boots into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labgrid.step import step

from hil.deadline import Deadline
from hil.linux.machine import Machine

if TYPE_CHECKING:
    from hil.board.drivers import ParamikoDriver
    from hil.board.strategy import BoardStrategy

REBOOT_SECONDS = 60.0


class Host(Machine):
    """A board that is in state `linux`."""

    def __init__(self, strategy: BoardStrategy, driver: ParamikoDriver) -> None:
        super().__init__(driver.board_name, lambda: driver.session)
        self._strategy = strategy
        self._driver = driver

    @step()  # type: ignore[untyped-decorator]
    def reboot(self) -> None:
        """Reboot at once (`reboot -f`), without a shutdown of services, and connect again."""
        with self._strategy.expecting_reboot():
            self.start("sync; reboot -f", stdin=b"")
        self.reconnect(Deadline.after(REBOOT_SECONDS))

    def reconnect(self, deadline: Deadline) -> None:
        """Connect again, after a test has taken down the board's network or SSH server on purpose."""
        self._driver.connect(deadline)
