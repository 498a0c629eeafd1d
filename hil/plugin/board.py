"""The board under test, as tests see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.plugin.classify import UnusableBoardError

if TYPE_CHECKING:
    from labgrid import Environment

    from hil.monitor import Monitor


@dataclass(frozen=True, slots=True)
class Board:
    """A board with the firmware under test: what it is, and the way to bring it into a state.

    `firmware_hash` is empty when the images do not come from a build of ours.
    """

    name: str
    features: frozenset[str]
    firmware_hash: str
    target: Any
    strategy: Any

    @property
    def stage(self) -> str:
        """The state that the board has reached."""
        return stage_of(self.strategy)

    def transition(self, state: str) -> None:
        """Bring the board into `state`: off, flashed, firmware or monitor."""
        self.strategy.transition(state)

    def fork(self) -> Monitor:
        """Return the monitor of a board in the state it has right after boot, from the snapshot where there is one."""
        monitor: Monitor = self.strategy.fork()
        return monitor

    def off(self) -> None:
        """Switch the board off, also when its strategy is broken: then its drivers are let go of one by one."""
        if self.strategy.broken:
            self.target.cleanup()
        else:
            self.transition("off")


def stage_of(strategy: Any) -> str:
    """Return the state of a labgrid strategy as a word."""
    status = getattr(strategy, "status", "")
    return str(getattr(status, "name", status))


def refuse_broken(env: Environment) -> None:
    """Raise `UnusableBoardError` when a strategy of `env` has failed before; what broke it is the cause."""
    for target in env.targets.values():
        for strategy in (driver for driver in target.drivers if hasattr(driver, "broken")):
            if strategy.broken:
                first = str(strategy.broken).partition("\n")[0]
                raise UnusableBoardError(f"not run: the board failed before: {first}") from strategy.broken
