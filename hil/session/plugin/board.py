"""The board under test, as tests see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.deadline import Deadline
from hil.errors import BoardFileError
from hil.session.plugin.classify import BlockedError
from hil.session.plugin.unfit import Unfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labgrid import Environment, Target

    from hil.board.drivers.hostmemory import HostMemory
    from hil.board.strategy import BoardStrategy
    from hil.linux import GuestImages, Host
    from hil.target.monitor import Monitor

GUEST_SECONDS = "guest_seconds"
"""The option of a board file that says how long a guest of its Linux may take to boot."""
GUEST_IMAGES = "guest_images"
"""The option of a board file that says at which physical addresses the images `kernel` and `initrd` lie."""

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

    def fork(self, kept: Path | None = None) -> Monitor:
        """Return the monitor of the board as it is right after boot, or as `strategy.keep` has kept it."""
        monitor: Monitor = self.strategy.fork(kept)
        return monitor

    def guest_images(self) -> GuestImages:
        """Return where kernel and initial file system for a guest lie: `options.guest_images` of the board file."""
        from hil.linux import GuestImages
        from hil.target.monitor import Loaded

        config = self.target.env.config
        addresses = config.get_option(GUEST_IMAGES, {})
        try:
            kernel, initrd = (
                Loaded(int(addresses[name]), Path(config.get_image_path(name)).stat().st_size)
                for name in ("kernel", "initrd")
            )
        except (KeyError, OSError) as error:
            raise BoardFileError(
                f"the images of a guest for {self.name} are not there: {error}",
                hint="`options.guest_images` takes the addresses of `kernel` and `initrd`; hil build makes the images",
            ) from error
        return GuestImages(kernel, initrd)

    def guest_deadline(self) -> Deadline:
        """Return until when a guest that starts now must take commands: `options.guest_seconds` of the board file."""
        from hil.linux.commandloop import READY_SECONDS

        return Deadline.after(self.target.env.config.get_option(GUEST_SECONDS, READY_SECONDS))

    def fork_linux(self, kept: Path | None = None) -> Host:
        """Return the board's Linux as it is right after boot, or as `strategy.keep` has kept it."""
        from hil.linux import Host

        self.strategy.fork_linux(kept)
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
        memory: HostMemory = self.target.get_driver("HilQEMUDriver").host_memory()
        return memory


def strategies(env: Environment) -> Iterator[Any]:
    """Yield those strategies of `env` that something has been asked of."""
    for target in env.targets.values():
        yield from (driver for driver in target.drivers if hasattr(driver, "broken"))


def refuse_broken(env: Environment) -> None:
    """Raise `BlockedError` when a strategy of `env` has failed before."""
    for strategy in strategies(env):
        if strategy.broken:
            raise BlockedError(strategy.broken)
