"""labgrid driver: the flasher of a board whose firmware is in a ROM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory

from hil.board.drivers.protocols import FlasherProtocol
from hil.board.flash import FlashPlan, FlashResult, Payload

if TYPE_CHECKING:
    from hil.board.flash import Meter

MEDIUM = "a ROM"
NOTHING = Payload(())


@target_factory.reg_driver
@attr.s(eq=False)
class RomDriver(Driver, FlasherProtocol):  # type: ignore[misc]
    """Has nothing to write."""

    def plan(self) -> FlashPlan:
        """Return a plan without files."""
        return FlashPlan(MEDIUM, NOTHING, ())

    def flash(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:  # noqa: ARG002
        """Write nothing."""
        return FlashResult(NOTHING, MEDIUM, written=False)

    def check(self) -> None:
        """Accept the board: there is nothing that could be wrong."""
