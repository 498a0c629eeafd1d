"""The layers of the system under test on one board, each made when it is used for the first time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.board.drivers.hostmemory import HostMemory
    from hil.linux import DirectGuest, Guest, Host
    from hil.session.board import Board
    from hil.target.monitor import Monitor
    from hil.target.tpm import Tpm
    from hil.target.vtpm import GuestQueue, Hypervisor, Service, Vm

Thing = TypeVar("Thing")


class Layers:
    """What is on an open board. The attributes have the names of the fixtures that give the same things to tests.

    Each is made when it is used for the first time, and stays the same until `restart`: `monitor`, for example, boots
    the board.
    """

    def __init__(self, board: Board) -> None:
        self._board: Board | None = board
        self._made: dict[str, Any] = {}
        self._things = contextlib.ExitStack()

    @property
    def name(self) -> str:
        """The name of the board."""
        return self.board.name

    @property
    def board(self) -> Board:
        """The board: its features, its state, and how to bring it into another. Raises `UsageError` when closed."""
        if self._board is None:
            raise UsageError("the connection to the board is closed", hint="hil.connect opens a new one")
        return self._board

    @property
    def monitor(self) -> Monitor:
        """The monitor at EL2, in the state right after boot."""
        return self._once("monitor", self.board.fork, state="monitor")

    @property
    def service(self) -> Service:
        """The EL3 service, as the monitor calls it."""
        from hil.target.vtpm import Service

        return self._once("service", lambda: Service(self.monitor))

    @property
    def host(self) -> Host:
        """The board's Linux over SSH, in the state right after boot."""
        return self._once("host", self.board.fork_linux, state="linux")

    @property
    def hypervisor(self) -> Hypervisor[Any]:
        """What runs VMs on this board: the monitor, or Linux with KVM."""
        return self._once("hypervisor", lambda: self._things.enter_context(self.board.hypervisor(self._machine())))

    @property
    def host_memory(self) -> HostMemory:
        """The memory of an emulated board, as this machine sees it."""
        self._machine()
        return self.board.host_memory()

    @property
    def vm(self) -> Vm:
        """A VM with one vCPU."""
        return self._once("vm", self.make_vm)

    @property
    def vtpm(self) -> GuestQueue:
        """The vTPM of `vm` before TPM2_Startup, used through the queue in the VM's address space."""
        return self._once("vtpm", lambda: self.make_vtpm(self.vm))

    @property
    def tpm(self) -> Tpm:
        """The TPM behind `vtpm` after TPM2_Startup, used through the TCG's software stack."""
        return self._once("tpm", lambda: self.make_tpm(self.vtpm))

    @property
    def guest(self) -> Guest | DirectGuest:
        """An unmodified Linux guest with a vTPM: under KVM on `host`, or under the monitor."""
        return self._once("guest", self.make_guest)

    def make_vm(self, **options: Any) -> Vm:
        """Create a VM with an agent on each vCPU; `options` are those of `Hypervisor.create_vm`."""
        vm: Vm = self.hypervisor.create_vm(**options)
        return vm

    def make_vtpm(self, vm: Vm | None = None, **requirements: Any) -> GuestQueue:
        """Create an instance for `vm`, or for a new VM; `requirements` are those of `Hypervisor.create_vtpm`."""
        return self.hypervisor.create_vtpm(vm or self.make_vm(), **requirements)

    def make_tpm(self, vtpm: GuestQueue | None = None, **requirements: Any) -> Tpm:
        """Return the TPM behind `vtpm`, or behind a new one with these `requirements`, after TPM2_Startup."""
        from hil.target.tpm import Tpm

        tpm = self._things.enter_context(Tpm(vtpm or self.make_vtpm(**requirements)))
        tpm.startup()
        return tpm

    def make_guest(self, *arguments: Any, **options: Any) -> Guest | DirectGuest:
        """Start a guest, and wait until it takes commands.

        The arguments are those of `Guest.start` without its host, or on a board with a monitor of `DirectGuest.start`.
        """
        from hil.linux import DirectGuest, Guest

        if self.board.lacks("linux"):
            direct = DirectGuest.start(self.monitor, self.board.guest_images(), *arguments, **options)
            direct.wait_ready(self.board.guest_deadline())
            return direct
        guest = Guest.start(self.host, *arguments, **options)
        guest.wait_ready(self.board.guest_deadline())
        return guest

    def restart(self) -> None:
        """Go back to the state right after boot, with the next use. What was made before is void."""
        self._things.close()
        self._made.clear()

    def _once(self, name: str, make: Callable[[], Thing], *, state: str = "") -> Thing:
        if name not in self._made:
            if state:
                self.board.require(state)
            self._made[name] = make()
        self.board  # noqa: B018 - raises once the connection is closed
        made: Thing = self._made[name]
        return made

    def _machine(self) -> Monitor | Host:
        return self.monitor if self.board.lacks("linux") else self.host


Boards = Mapping[str, Layers]
"""Boards by their roles."""
