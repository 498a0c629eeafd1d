"""Fixtures for the layers of the system under test: board, monitor, VM, vTPM, TPM.

No fixture undoes what a test has done to the board: the next test starts from the state right after boot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from hil.session.plugin.session import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labgrid import Target

    from hil.board.drivers.hostmemory import HostMemory
    from hil.session.board import Board
    from hil.target.monitor import Monitor, VirtualMachine
    from hil.target.tpm import Tpm
    from hil.target.vtpm import GuestQueue, Hypervisor, ManagedQueue, Service, Vm


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
    """The monitor at EL2, on the board in the state right after boot."""
    board.require("monitor")
    return board.fork()


@pytest.fixture
def service(monitor: Monitor) -> Service:
    """The EL3 service, as the hypervisor calls it."""
    from hil.target.vtpm import Service

    return Service(monitor)


@pytest.fixture
def hypervisor(request: pytest.FixtureRequest, board: Board) -> Iterator[Hypervisor[Any]]:
    """The hypervisor of this board, right after boot: our monitor at EL2, or Linux with KVM."""
    for fixture, state in (("monitor", "monitor"), ("host", "linux")):
        if fixture in request.fixturenames:
            board.require(state)  # before another hypervisor is brought up for nothing
    fixture = "host" if "linux" in board.strategy.states else "monitor"
    with board.hypervisor(request.getfixturevalue(fixture)) as hypervisor:
        yield hypervisor


@pytest.fixture
def host_memory(board: Board, hypervisor: Hypervisor[Any]) -> HostMemory:  # noqa: ARG001 - the memory that it runs in
    """The memory of the board that `hypervisor` runs on, with secure memory, as the emulator's host sees it."""
    return board.host_memory()


@pytest.fixture
def make_vm(hypervisor: Hypervisor[Any]) -> Callable[..., Vm]:
    """Create VMs: `Hypervisor.create_vm`, with the monitor `Monitor.create_vm`."""
    return hypervisor.create_vm


@pytest.fixture
def vm(make_vm: Callable[..., Vm]) -> Vm:
    """A VM with one vCPU."""
    return make_vm()


class MakeVtpm(Protocol):
    """Creates an instance for `vm`, or for a new VM, and maps its queue for the VM's first vCPU."""

    def __call__(self, vm: Vm | None = None, **requirements: Any) -> GuestQueue:
        """`requirements` are those of `Hypervisor.create_vtpm`."""


class MakeManagedVtpm(Protocol):
    """The type of `make_vtpm` in a test that has the fixture `monitor`."""

    def __call__(self, vm: VirtualMachine | None = None, **requirements: Any) -> ManagedQueue:
        """`requirements` are those of `Service.create`."""


@pytest.fixture
def make_vtpm(hypervisor: Hypervisor[Any], make_vm: Callable[..., Vm]) -> MakeVtpm:
    """Create vTPMs whose queues are mapped into their VMs."""

    def make(vm: Vm | None = None, **requirements: Any) -> GuestQueue:
        return hypervisor.create_vtpm(vm or make_vm(), **requirements)

    return make


@pytest.fixture
def vtpm(vm: Vm, make_vtpm: MakeVtpm) -> GuestQueue:
    """The vTPM of `vm` before TPM2_Startup, used through the queue in the VM's address space."""
    return make_vtpm(vm)


@pytest.fixture
def tpm(vtpm: GuestQueue) -> Iterator[Tpm]:
    """The TPM behind `vtpm` after TPM2_Startup, used through the TCG's software stack."""
    from hil.target.tpm import Tpm

    with Tpm(vtpm) as tpm:
        tpm.startup()
        yield tpm
