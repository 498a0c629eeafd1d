"""The management calls of the EL3 service, made from EL2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.target.vtpm import abi
from hil.target.vtpm.instance import Instance
from hil.target.vtpm.reply import Reply

if TYPE_CHECKING:
    from hil.target.monitor import Monitor

_FEATURE = "VTPM_FEATURE_"


@dataclass(frozen=True, slots=True)
class Version:
    """The ABI version, and the names of the feature bits that are set, such as `PROTECTED_SPACE`."""

    major: int
    minor: int
    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class Limits:
    """The capacity of the service; sizes are in bytes, `queue_pool` is a physical address."""

    instances: int
    instances_used: int
    pool_bytes: int
    pool_free: int
    largest_queue: int
    queue_pool: int
    queue_pool_bytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """The use of the secure pool; sizes are in bytes, `pool` is a physical address."""

    windows: int
    windows_used: int
    window_bytes: int
    image_bytes: int
    images: int
    engine_bytes: int
    pool: int


class Service:
    """Makes management calls from EL2 on CPU 0. Refused calls raise `ServiceError`."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self._epoch = 0

    def __repr__(self) -> str:
        return "<the EL3 service>"

    def call(self, fid: int, *arguments: int) -> Reply:
        """Make any call with any arguments, and return the reply without checking it."""
        return Reply.from_registers(fid, self.monitor.smc(fid, *arguments).x)

    def version(self) -> Version:
        """Return ABI version and features. VERSION returns its number in x0, where other calls return a status."""
        number, features, *_ = self.monitor.smc(abi.VTPM_FID_VERSION).x
        names = {name.removeprefix(_FEATURE): bit for name, bit in abi.CONSTANTS.items() if name.startswith(_FEATURE)}
        return Version(number >> 16, number & 0xFFFF, frozenset(name for name, bit in names.items() if features & bit))

    def limits(self) -> Limits:
        """Return the capacity of the service: numbers of instances and sizes of pools."""
        return Limits(*self.call(abi.VTPM_FID_LIMITS, abi.VTPM_LIMITS_INSTANCES).require())

    def memory(self) -> Memory:
        """Return the current use of the secure pool."""
        return Memory(*self.call(abi.VTPM_FID_LIMITS, abi.VTPM_LIMITS_MEMORY).require())

    def create(
        self,
        vm_id: int,
        *,
        profile: int | None = None,
        persistent: bool = True,
        platform_closed: bool = False,
        slots: int = 1,
        index: int = 0,
    ) -> Instance:
        """Create an instance for a VM. `profile` is one of `VTPM_PROFILE_*` and selects the PCR banks.

        With `platform_closed` the guest has no platform hierarchy.
        """
        requirements = abi.VTPM_PROFILE_DEFAULT if profile is None else profile
        if persistent:
            requirements |= abi.VTPM_REQUIRE_PERSISTENT
        if platform_closed:
            requirements |= abi.VTPM_REQUIRE_PLATFORM_CLOSED
        values = self.call(abi.VTPM_FID_CREATE, vm_id, requirements, slots, index).require()
        return Instance(self, vm_id, index, slots, handle=values[0], queue_pa=values[1], queue_bytes=values[2])

    def next_epoch(self) -> int:
        """Return a larger epoch than ever before. EL3 requires that when an identity is bound again after reuse."""
        self._epoch += 1
        return self._epoch
