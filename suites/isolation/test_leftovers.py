"""What is left in memory of an instance that is gone: nothing. Looked for from the host, with planted canaries."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import ESYS_TR

from hil.target.tpm import Tpm

if TYPE_CHECKING:
    from hil.fixtures import HostMemory, MakeManagedVtpm, MakeVtpm
    from hil.target.vtpm import GuestQueue, ManagedQueue, Service

pytestmark = [pytest.mark.threat(17), pytest.mark.needs_host_memory_access]

NV_INDEX = 0x0150_0001
IN_NV = hashlib.sha256(b"canary in NV memory").digest()
MEASURED = hashlib.sha256(b"canary in a PCR").digest()
IN_PCR = hashlib.sha256(bytes(32) + MEASURED).digest()
AS_PASSWORD = hashlib.sha256(b"canary as a password").digest()[:16]
CANARIES = {"nv": IN_NV, "pcr": IN_PCR, "password": AS_PASSWORD}


@dataclass(frozen=True, slots=True)
class Scan:
    """Looks for canaries where an instance is, and in its queue."""

    memory: HostMemory
    places: tuple[range, ...]

    def with_queue(self, vtpm: GuestQueue) -> Scan:
        """Look in the queue of `vtpm`, too."""
        start = vtpm.instance.queue_pa
        return Scan(self.memory, (*self.places, range(start, start + vtpm.instance.queue_bytes)))

    def found(self) -> set[str]:
        """Return the names of the canaries that are anywhere."""
        return {name for name, canary in CANARIES.items() if any(self._places(canary))}

    def _places(self, canary: bytes) -> list[int]:
        return [pa for within in self.places for pa in self.memory.find(canary, within)]


@pytest.fixture
def scan(host_memory: HostMemory, secrets: tuple[range, ...]) -> Scan:
    """What finds canaries in secure memory."""
    return Scan(host_memory, secrets)


def plant(vtpm: GuestQueue) -> None:
    """Leave canaries in NV memory, in a PCR and as an authorisation value."""
    with Tpm(vtpm) as tpm:
        tpm.startup()
        tpm.nv_write(tpm.nv_define(NV_INDEX, len(IN_NV)), IN_NV)
        tpm.extend(7, MEASURED)
        assert tpm.pcr(7) == IN_PCR
        tpm.esapi.hierarchy_change_auth(ESYS_TR.ENDORSEMENT, AS_PASSWORD)


def test_destroy_leaves_no_trace_of_a_resident_instance(vtpm: GuestQueue, scan: Scan) -> None:
    scan = scan.with_queue(vtpm)
    plant(vtpm)
    assert scan.found() == set(CANARIES)
    vtpm.instance.destroy()
    assert scan.found() == set()


def test_destroy_leaves_no_trace_of_an_idle_instance(
    service: Service, make_vtpm: MakeManagedVtpm, vtpm: ManagedQueue, scan: Scan
) -> None:
    """The instance was moved out of its window: its image is scrubbed too, and so was the window it left."""
    scan = scan.with_queue(vtpm)
    plant(vtpm)
    for _ in range(service.memory().windows):
        make_vtpm().ring()
    assert vtpm.instance.ticks().evictions == 1
    assert scan.found() == set(CANARIES)
    vtpm.instance.destroy()
    assert scan.found() == set()


def test_reset_of_an_ephemeral_instance_leaves_no_trace(make_vtpm: MakeVtpm, scan: Scan) -> None:
    vtpm = make_vtpm(persistent=False)
    scan = scan.with_queue(vtpm)
    plant(vtpm)
    assert scan.found() == set(CANARIES)
    vtpm.instance.reset()
    assert scan.found() == set()


def test_a_queue_is_empty_when_its_instance_is_gone(make_vtpm: MakeVtpm, host_memory: HostMemory) -> None:
    vtpm = make_vtpm(slots=3)
    start, length = vtpm.instance.queue_pa, vtpm.instance.queue_bytes
    vtpm.agent.write(vtpm.va, b"\xa5" * length)
    assert host_memory.read(start, length) == b"\xa5" * length
    vtpm.instance.destroy()
    assert not any(host_memory.read(start, length))
