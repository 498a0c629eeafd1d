"""What the host's module makes of answers that the service gives when something is wrong below it.

The emulator's host writes to secure memory to bring the service to such answers: a lock seems to be held, a source of
randomness is gone.
"""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.headers import firmware_header, read_defines
from hil.linux.device import DeviceError
from hil.target.tpm import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.fixtures import HostMemory
    from hil.linux.device import DeviceFile
    from suites.conftest import FindSymbol
    from suites.linux.conftest import Listed

pytestmark = [pytest.mark.needs_linux, pytest.mark.needs_host_memory_access]

# struct vtpm_state and struct vtpm_instance, core/state.h.
_TICKET = struct.calcsize("<QII14QI")
_LIFE, _VM_ID, _LIVE = 8, 16, 2
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The state of the service in secure memory, where the host finds it."""

    memory: HostMemory
    pool: range

    def claims(self) -> int:
        """How often anybody has asked for an instance so far, modulo 2^32: each takes a ticket of the table's lock."""
        return self._word(self.pool.start + _TICKET)

    @contextmanager
    def instance_at_work(self, vm: int) -> Iterator[Callable[[], None]]:
        """Let the one instance of a VM look as if another processor worked on it, until what is yielded is called."""
        (found,) = self.memory.find(struct.pack("<Q", vm), self.pool)
        lock = found - _VM_ID
        assert (self._word(lock), self._word(lock + _LIFE)) == (0, _LIVE)
        self.memory.write(lock, struct.pack("<I", 1))
        try:
            yield lambda: self.memory.write(lock, bytes(4))
        finally:
            self.memory.write(lock, bytes(4))

    def _word(self, pa: int) -> int:
        return int.from_bytes(self.memory.read(pa, 4), "little")


@pytest.fixture
def state(host_memory: HostMemory, build_folder: Path) -> ServiceState:
    """The state of the service."""
    platform = read_defines(firmware_header(f"platform/{build_folder.name}/vtpm_platform.h"))
    start = platform["VTPM_IMAGE_POOL_PA"]
    magic = read_defines(firmware_header("engine/include/engine_abi.h"))["ENGINE_MAGIC"]
    assert int.from_bytes(host_memory.read(start, 8), "little") == magic
    return ServiceState(host_memory, range(start, start + platform["VTPM_IMAGE_POOL_BYTES"]))


def test_a_guest_does_not_hear_of_an_instance_that_is_busy_for_a_moment(
    device_file: DeviceFile, listed: Callable[[], list[Listed]], state: ServiceState
) -> None:
    """The module asks again: an unmodified guest would take BUSY for a broken TPM."""
    queue = device_file.create()
    (instance,) = listed()
    with ThreadPoolExecutor(1) as pool, state.instance_at_work(instance.vm) as release:
        before, deadline = state.claims(), Deadline.after(SECONDS)
        answer = pool.submit(commands.submit, queue, commands.startup())
        while state.claims() - before < 2 and not answer.done():
            assert not deadline.expired, "nobody has rung"
        release()
        assert answer.result(SECONDS).code == commands.SUCCESS


def test_an_instance_that_could_not_be_destroyed_is_not_forgotten(
    device_file: DeviceFile, listed: Callable[[], list[Listed]], state: ServiceState
) -> None:
    queue = device_file.create()
    (instance,) = listed()
    with state.instance_at_work(instance.vm):
        with pytest.raises(DeviceError) as refusal:
            queue.call("destroy")
        assert refusal.value.errno == "EBUSY"
    assert commands.submit(queue, commands.startup()).code == commands.SUCCESS
    queue.call("destroy")
    assert listed() == []


def test_a_lack_of_randomness_has_an_errno_of_its_own(
    device_file: DeviceFile, host_memory: HostMemory, symbol: FindSymbol
) -> None:
    source = symbol("source")
    pointer = host_memory.read(source, 8)
    assert any(pointer)
    host_memory.write(source, bytes(8))
    with pytest.raises(DeviceError) as refusal:
        device_file.create()
    assert refusal.value.errno == "ENODATA"
    host_memory.write(source, pointer)
    assert commands.submit(device_file.create(), commands.startup()).code == commands.SUCCESS
