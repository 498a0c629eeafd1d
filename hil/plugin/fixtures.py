"""Fixtures that read like the domain: board, monitor, VM, vTPM, TPM; board, host, guest.

What tests make on a board is not undone piece by piece: the next test starts from the state right after boot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from hil.plugin.session import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labgrid import Target

    from hil.drivers.hostmemory import HostMemory
    from hil.linux import Guest, Host
    from hil.monitor import Monitor, VirtualMachine
    from hil.plugin.board import Board
    from hil.tpm import Tpm
    from hil.vtpm import GuestQueue, Service


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest, target: Target) -> Iterator[Board]:
    """The board under test; switched off when the run ends."""
    board = request.config.stash[SESSION].open_board(target)
    yield board
    board.off()


@pytest.fixture
def cold_board(board: Board) -> Iterator[Board]:
    """The board, switched off: for tests that boot it themselves. Switched off again afterwards."""
    board.off()
    yield board
    board.off()


@pytest.fixture
def monitor(board: Board) -> Monitor:
    """The monitor at EL2, on the board as it is right after boot."""
    board.require("monitor")
    return board.fork()


@pytest.fixture
def host(board: Board) -> Host:
    """Linux, as it is right after boot, over SSH."""
    board.require("linux")
    return board.fork_linux()


@pytest.fixture
def make_guest(host: Host) -> Iterator[Callable[..., Guest]]:
    """Start a guest of `host` and wait until it takes commands; takes what `Guest` takes. All end with the test."""
    from hil.linux import Guest

    guests: list[Guest] = []

    def make(**options: Any) -> Guest:
        guests.append(Guest(host, **options))
        guests[-1].wait_ready()
        return guests[-1]

    yield make
    for guest in guests:
        guest.stop()


@pytest.fixture
def guest(make_guest: Callable[..., Guest]) -> Guest:
    """An unmodified Linux in a VM of its own on `host`, with a vTPM."""
    return make_guest()


@pytest.fixture
def host_memory(board: Board, monitor: Monitor) -> HostMemory:  # noqa: ARG001 - the memory is that of this monitor
    """The memory of the board that `monitor` runs on, secure memory too, as the host sees it."""
    return board.host_memory()


@pytest.fixture
def make_vm(monitor: Monitor) -> Callable[..., VirtualMachine]:
    """Create a VM; takes what `Monitor.create_vm` takes."""
    return monitor.create_vm


@pytest.fixture
def vm(make_vm: Callable[..., VirtualMachine]) -> VirtualMachine:
    """A VM with one vCPU."""
    return make_vm()


@pytest.fixture
def service(monitor: Monitor) -> Service:
    """The EL3 service, as the hypervisor calls it."""
    from hil.vtpm import Service

    return Service(monitor)


class MakeVtpm(Protocol):
    """Creates an instance for `vm`, or for a new VM, binds it and maps its queue for the VM's first vCPU."""

    def __call__(self, vm: VirtualMachine | None = None, **requirements: Any) -> GuestQueue:
        """`requirements` are those of `Service.create`."""


@pytest.fixture
def make_vtpm(service: Service, make_vm: Callable[..., VirtualMachine]) -> MakeVtpm:
    """Create vTPMs that their VMs can talk to."""
    from hil.vtpm import GuestQueue

    def make(vm: VirtualMachine | None = None, **requirements: Any) -> GuestQueue:
        owner = vm or make_vm()
        return GuestQueue.attach(service.create(owner.id, **requirements), owner)

    return make


@pytest.fixture
def vtpm(vm: VirtualMachine, make_vtpm: MakeVtpm) -> GuestQueue:
    """The vTPM of `vm`, not started yet, seen through the queue in the VM's address space."""
    return make_vtpm(vm)


@pytest.fixture
def tpm(vtpm: GuestQueue) -> Iterator[Tpm]:
    """The TPM behind `vtpm`, started, with the TCG's software stack on top."""
    from hil.tpm import Tpm

    with Tpm(vtpm) as tpm:
        tpm.startup()
        yield tpm
