"""The service runs at EL3: below the hypervisor, and reached from a guest without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.vtpm import Service, abi

if TYPE_CHECKING:
    from hil.target.monitor import Monitor

UID = (abi.VTPM_UID_W0, abi.VTPM_UID_W1, abi.VTPM_UID_W2, abi.VTPM_UID_W3)


def test_the_service_says_who_it_is(monitor: Monitor) -> None:
    assert monitor.smc(abi.VTPM_FID_CALL_UID).x[:4] == UID
    assert monitor.smc(abi.VTPM_FID_REVISION).x[:2] == (abi.VTPM_VERSION_MAJOR, abi.VTPM_VERSION_MINOR)
    functions = {value for name, value in abi.CONSTANTS.items() if name.startswith("VTPM_FID_")}
    functions |= {abi.doorbell(index) for index in range(abi.VTPM_MAX_INDEX + 1)}
    unbuilt = {abi.VTPM_FID_SAVE, abi.VTPM_FID_RESTORE}
    assert monitor.smc(abi.VTPM_FID_CALL_COUNT).x[0] == len(functions - unbuilt)


def test_version_and_entropy_source_are_announced(service: Service) -> None:
    version = service.version()
    assert (version.major, version.minor) == (abi.VTPM_VERSION_MAJOR, abi.VTPM_VERSION_MINOR)
    assert version.features & {"ENTROPY_CPU", "ENTROPY_SOC", "ENTROPY_SEED"}
    assert "TEST_SEED" not in version.features


@pytest.mark.fails_without("protected_secure_space")
@pytest.mark.element("E3")
def test_the_service_knows_that_its_space_is_protected(service: Service) -> None:
    assert "PROTECTED_SPACE" in service.version().features


def test_limits_fit_the_memory_they_describe(service: Service) -> None:
    limits, memory = service.limits(), service.memory()
    assert limits.instances >= 8
    assert limits.pool_free <= limits.pool_bytes
    assert memory.windows * memory.window_bytes <= limits.pool_bytes
    assert limits.largest_queue == abi.VTPM_PAGE_BYTES + abi.VTPM_MAX_SLOTS * abi.VTPM_SLOT_BYTES
    assert limits.queue_pool_bytes >= limits.largest_queue
