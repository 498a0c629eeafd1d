"""The paths from a guest to its TPM that are compared, each with an unmodified kernel that waits for commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hil.board.file import labgridenv
from hil.linux import DirectGuest, Guest, Host
from hil.operations.bench.baseline import GUEST_INITRD, BaselineGuest, install
from hil.operations.bench.exits import WAIT, traps
from hil.session.board import Board

if TYPE_CHECKING:
    from collections.abc import Callable

    from labgrid import Environment

    from hil.firmware.bench import BenchImages
    from hil.linux.commandloop import CommandLoop

QUEUE, DIRECT, BASELINE = "our queue, KVM", "our queue, no trap", "swtpm, QEMU's TIS"
"""The names of the paths, which are the columns of the table."""


class TpmPath(Protocol):
    """One path from a guest to its TPM."""

    @property
    def guest(self) -> CommandLoop:
        """The guest."""

    def traps(self, action: Callable[[], object]) -> int:
        """Return how many traps to its hypervisor the guest causes during `action`, without waits for interrupts."""


@dataclass(frozen=True, slots=True)
class KvmPath:
    """A guest of KVM; `process` is the id of its VMM on the host."""

    host: Host
    guest: CommandLoop
    process: int

    def traps(self, action: Callable[[], object]) -> int:
        """Count traps by the host's tracepoint."""
        return traps(self.host, self.process, action)


@dataclass(frozen=True, slots=True)
class DirectPath:
    """A guest of the monitor."""

    guest: DirectGuest

    def traps(self, action: Callable[[], object]) -> int:
        """Count traps by the monitor's own counters."""
        before = self._traps()
        action()
        return self._traps() - before

    def _traps(self) -> int:
        return sum(count for cause, count in self.guest.vm.traps_by_class().items() if cause != WAIT)


def kvm_paths(environment: Environment, images: BenchImages, note: Callable[[str], None]) -> dict[str, TpmPath]:
    """Start the Linux host of a board, and on it a guest of our VMM and one of the baseline."""
    target = environment.get_target("main")
    strategy = target.get_driver("BoardStrategy")
    note("starting the host")
    strategy.transition("linux")
    host = Host(strategy, target.get_driver("ParamikoDriver"))
    note("installing QEMU and swtpm on the host")
    install(host, images)
    note("starting its guests")
    ours, baseline = Guest.start(host, initrd=GUEST_INITRD), BaselineGuest(host)
    for guest in (ours, baseline):
        guest.wait_ready()
    return {QUEUE: KvmPath(host, ours, ours.pid), BASELINE: KvmPath(host, baseline, baseline.pid)}


def direct_path(environment: Environment, images: BenchImages, note: Callable[[str], None]) -> DirectPath:
    """Start the monitor of a board, and in it a guest with the initramfs of the bench."""
    labgridenv.replace_images(environment, {"initrd": images.initrd})
    target = environment.get_target("main")
    strategy = target.get_driver("BoardStrategy")
    note("starting the monitor and its guest")
    strategy.transition("monitor")
    board = Board("", {}, "", target, strategy)
    guest = DirectGuest.start(target.get_driver("MonitorDriver").monitor, board.guest_images())
    guest.wait_ready()
    return DirectPath(guest)
