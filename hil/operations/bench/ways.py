"""The ways from a guest to its TPM that are compared: each has an unmodified kernel that waits for commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hil.board.file import labgridenv
from hil.linux import DirectGuest, Guest, Host
from hil.operations.bench.exits import WAIT, traps
from hil.operations.bench.rival import GUEST_INITRD, RivalGuest, install
from hil.session.plugin.board import Board

if TYPE_CHECKING:
    from collections.abc import Callable

    from labgrid import Environment

    from hil.firmware.bench import BenchImages
    from hil.linux.commandloop import CommandLoop

QUEUE, DIRECT, RIVAL = "our queue, KVM", "our queue, no trap", "swtpm, QEMU's TIS"
"""Names of the ways, as columns of a table have them."""


class Way(Protocol):
    """One way from a guest to its TPM."""

    @property
    def guest(self) -> CommandLoop:
        """The guest."""

    def traps(self, action: Callable[[], object]) -> int:
        """Return how many traps to its hypervisor the guest causes during `action`, without waits for interrupts."""


@dataclass(frozen=True, slots=True)
class KvmWay:
    """A guest of KVM; `process` is that of its VMM on the host."""

    host: Host
    guest: CommandLoop
    process: int

    def traps(self, action: Callable[[], object]) -> int:
        """Count by the host's tracepoint."""
        return traps(self.host, self.process, action)


@dataclass(frozen=True, slots=True)
class DirectWay:
    """A guest of the monitor."""

    guest: DirectGuest

    def traps(self, action: Callable[[], object]) -> int:
        """Count by the monitor's own counters."""
        before = self._traps()
        action()
        return self._traps() - before

    def _traps(self) -> int:
        return sum(count for cause, count in self.guest.vm.traps_by_class().items() if cause != WAIT)


def kvm_ways(environment: Environment, images: BenchImages, note: Callable[[str], None]) -> dict[str, Way]:
    """Start the Linux host of a board, and on it a guest of ours and one of the rival's."""
    target = environment.get_target("main")
    strategy = target.get_driver("BoardStrategy")
    note("starting the host")
    strategy.transition("linux")
    host = Host(strategy, target.get_driver("ParamikoDriver"))
    note("installing QEMU and swtpm on the host")
    install(host, images)
    note("starting its guests")
    ours, rival = Guest.start(host, initrd=GUEST_INITRD), RivalGuest(host)
    for guest in (ours, rival):
        guest.wait_ready()
    return {QUEUE: KvmWay(host, ours, ours.pid), RIVAL: KvmWay(host, rival, rival.pid)}


def direct_way(environment: Environment, images: BenchImages, note: Callable[[str], None]) -> DirectWay:
    """Start the monitor of a board, and with it a guest that has the initramfs of all guests of the bench."""
    labgridenv.replace_images(environment, {"initrd": images.initrd})
    target = environment.get_target("main")
    strategy = target.get_driver("BoardStrategy")
    note("starting the monitor and its guest")
    strategy.transition("monitor")
    board = Board("", {}, "", target, strategy)
    guest = DirectGuest.start(target.get_driver("MonitorDriver").monitor, board.guest_images())
    guest.wait_ready()
    return DirectWay(guest)
