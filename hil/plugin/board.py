"""The board under test, as tests see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.plugin.classify import BlockedError
from hil.plugin.unfit import Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labgrid import Environment, Target

    from hil.drivers.hostmemory import HostMemory
    from hil.linux import Host
    from hil.monitor import Monitor
    from hil.strategies import BoardStrategy

ENDS = ("monitor", "linux")
"""The states in which a boot may end; each board has one of them."""


@dataclass(frozen=True, slots=True)
class Board:
    """A board with the firmware under test: what it is, and the way to bring it into a state.

    `firmware_hash` is empty when the images do not come from a build of ours.
    """

    name: str
    features: Mapping[str, str]
    firmware_hash: str
    target: Target
    strategy: BoardStrategy

    @property
    def stage(self) -> str:
        """How far the board has come."""
        return self.strategy.stage

    def transition(self, state: str) -> None:
        """Bring the board into `state`: off, flashed, firmware, and monitor or linux."""
        if state in ENDS:
            self.require(state)
        self.strategy.transition(state)

    def fork(self) -> Monitor:
        """Return the monitor of the board as it is right after boot."""
        monitor: Monitor = self.strategy.fork()
        return monitor

    def fork_linux(self) -> Host:
        """Return the board's Linux as it is right after boot."""
        from hil.linux import Host

        self.strategy.fork_linux()
        return Host(self.strategy, self.strategy.ssh)

    def require(self, state: str) -> None:
        """Skip the test if the board has no such state."""
        if state not in self.strategy.states:
            raise Unfit(f"this board has no state `{state}`; it has {', '.join(self.strategy.states)}")

    def off(self) -> None:
        """Switch the board off. One that has failed is left to labgrid, which lets go of it at the end of the run."""
        if not self.strategy.broken:
            self.transition("off")

    def host_memory(self) -> HostMemory:
        """Return the running board's memory as the host sees it; ends with the next fork or power cycle."""
        from hil.drivers.hostmemory import HostMemory

        driver = self.target.get_driver("HilQEMUDriver")

        def ask(command: str) -> str:
            return str(driver.monitor_command("human-monitor-command", {"command-line": command}))

        return HostMemory.of(driver.emulator.pid, ask)


def refuse_broken(env: Environment) -> None:
    """Raise `BlockedError` when a strategy of `env` has failed before."""
    for target in env.targets.values():
        for strategy in (driver for driver in target.drivers if hasattr(driver, "broken")):
            if strategy.broken:
                raise BlockedError(strategy.broken)
