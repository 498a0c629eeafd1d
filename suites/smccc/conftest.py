"""Fixtures of the suite for standard services. It runs wherever the firmware starts our monitor at EL2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.monitor import Program, r
from hil.target.smccc import MPIDR_AFFINITIES, ArchCall, PsciCall, SdeiCall, Status, TrngCall, signed

if TYPE_CHECKING:
    from hil.target.monitor import Monitor


@pytest.fixture
def smccc_version(monitor: Monitor) -> tuple[int, int]:
    """Major and minor number of the calling convention. Only the first version cannot say which it is."""
    answer = signed(monitor.smc(ArchCall.SMCCC_VERSION).x[0])
    return (1, 0) if answer == Status.NOT_SUPPORTED else (answer >> 16, answer & 0xFFFF)


@pytest.fixture
def arch_features(smccc_version: tuple[int, int]) -> None:
    """Skip the test unless SMCCC_ARCH_FEATURES exists, which it does from version 1.1 on."""
    if smccc_version < (1, 1):
        pytest.skip("this firmware implements SMCCC 1.0, which has no SMCCC_ARCH_FEATURES")


@pytest.fixture
def affinities(monitor: Monitor) -> dict[int, int]:
    """The affinities of each CPU that is on, by its index."""
    program = Program()
    program.mrs(r[0], "MPIDR_EL1")
    program.halt()
    return {index: monitor.cpu(index).run(program).require().r[0] & MPIDR_AFFINITIES for index in monitor.cpus()}


@pytest.fixture
def psci_version(monitor: Monitor) -> tuple[int, int]:
    """Major and minor number of PSCI. The monitor itself needs PSCI 0.2 or later."""
    answer = signed(monitor.smc(PsciCall.PSCI_VERSION).x[0])
    return answer >> 16, answer & 0xFFFF


@pytest.fixture
def psci_features(psci_version: tuple[int, int]) -> None:
    """Skip the test unless PSCI_FEATURES exists, which it does from version 1.0 on."""
    if psci_version < (1, 0):
        pytest.skip("this firmware implements a PSCI before 1.0, which has no PSCI_FEATURES")


@pytest.fixture(scope="session")
def optional_versions() -> dict[int, int]:
    """What firmware has answered to the calls for the versions of optional services, by their identifiers."""
    return {}


@pytest.fixture
def trng_version(request: pytest.FixtureRequest, optional_versions: dict[int, int]) -> tuple[int, int]:
    """Major and minor number of the TRNG interface; skips the test if the firmware does not have it."""
    answer = _version_of(TrngCall.TRNG_VERSION, 32, request, optional_versions)
    return answer >> 16, answer & 0xFFFF


@pytest.fixture
def sdei_version(request: pytest.FixtureRequest, optional_versions: dict[int, int]) -> tuple[int, int]:
    """Major and minor number of SDEI; skips the test if the firmware does not have it."""
    answer = _version_of(SdeiCall.SDEI_VERSION, 64, request, optional_versions)
    return answer >> 48, answer >> 32 & 0xFFFF


def _version_of(call: TrngCall | SdeiCall, bits: int, request: pytest.FixtureRequest, known: dict[int, int]) -> int:
    """Ask for a version, but bring up the board for that only once."""
    if call not in known:
        monitor: Monitor = request.getfixturevalue("monitor")
        known[call] = signed(monitor.smc(call).x[0], bits)
    if known[call] == Status.NOT_SUPPORTED:
        pytest.skip(f"this firmware has no such service: {call.name} says NOT_SUPPORTED")
    return known[call]
