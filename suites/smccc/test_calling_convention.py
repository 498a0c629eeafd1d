"""The SMC Calling Convention (DEN0028): version, features, unknown calls, and what a call leaves in the registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.monitor import Program, abi, r
from hil.target.smccc import ArchCall, PsciCall, Status, TrngCall, signed, smc64

if TYPE_CHECKING:
    from hil.target.monitor import Monitor

CANARIES = tuple(0xCA11_AB1E_0000_0000 | index for index in range(31))
FP_BYTES = bytes(range(1, 256)) * 2 + b"\x55\xaa"
"""v0 to v31, 16 bytes each: no two alike, none zero."""

UNDEFINED = {
    "arch": 0x8000_FFF0,
    "arch, 64 bits": 0xC000_FFF0,
    "the 64-bit form of a 32-bit call": smc64(ArchCall.SMCCC_VERSION),
    "standard": 0x8400_FFF0,
    "standard, 64 bits": 0xC400_FFF0,
}
SOC_ID_VERSION, SOC_ID_REVISION, NO_SOC_ID = 0, 1, 0xFFFF
WORKAROUNDS = {
    ArchCall.SMCCC_ARCH_WORKAROUND_1: {-1, 0, 1},
    ArchCall.SMCCC_ARCH_WORKAROUND_2: {-2, -1, 0, 1},
    ArchCall.SMCCC_ARCH_WORKAROUND_3: {-1, 0, 1},
}


def test_the_version_is_a_version(smccc_version: tuple[int, int]) -> None:
    """DEN0028, "SMCCC_VERSION": bit 31 is zero; major number in bits 30:16, minor number in bits 15:0."""
    major, minor = smccc_version
    assert major == 1
    assert 0 <= minor < 100


@pytest.mark.usefixtures("psci_features")
def test_psci_says_that_the_version_can_be_asked(monitor: Monitor, smccc_version: tuple[int, int]) -> None:
    """DEN0028, "Discovery of Arm Architecture Service functions": callers ask PSCI_FEATURES before SMCCC_VERSION."""
    answer = signed(monitor.smc(PsciCall.PSCI_FEATURES, ArchCall.SMCCC_VERSION).x[0])
    assert (answer >= Status.SUCCESS) == (smccc_version >= (1, 1))


@pytest.mark.usefixtures("arch_features")
@pytest.mark.parametrize("call", [ArchCall.SMCCC_VERSION, ArchCall.SMCCC_ARCH_FEATURES], ids=lambda call: call.name)
def test_mandatory_calls_are_features(monitor: Monitor, call: ArchCall) -> None:
    """DEN0028, "SMCCC_VERSION" and "SMCCC_ARCH_FEATURES": both are mandatory from version 1.1 on."""
    assert signed(monitor.smc(ArchCall.SMCCC_ARCH_FEATURES, call).x[0]) >= Status.SUCCESS


@pytest.mark.usefixtures("arch_features")
@pytest.mark.parametrize("fid", [0x8000_FFF0, PsciCall.CPU_OFF, 0xC700_0000], ids=hex)
def test_calls_outside_of_the_arch_range_are_no_features(monitor: Monitor, fid: int) -> None:
    """DEN0028, "SMCCC_ARCH_FEATURES": NOT_SUPPORTED for what is no implemented call of the Arm Architecture range."""
    assert signed(monitor.smc(ArchCall.SMCCC_ARCH_FEATURES, fid).x[0]) == Status.NOT_SUPPORTED


@pytest.mark.usefixtures("arch_features")
def test_the_soc_is_identified_if_the_call_is_there(monitor: Monitor) -> None:
    """DEN0028, "SMCCC_ARCH_SOC_ID": version and revision have bit 31 clear; other types are refused."""
    if signed(monitor.smc(ArchCall.SMCCC_ARCH_FEATURES, ArchCall.SMCCC_ARCH_SOC_ID).x[0]) < Status.SUCCESS:
        pytest.skip("this firmware has no SMCCC_ARCH_SOC_ID, which is optional")
    for kind in (SOC_ID_VERSION, SOC_ID_REVISION):
        assert signed(monitor.smc(ArchCall.SMCCC_ARCH_SOC_ID, kind).x[0]) >= 0
    assert signed(monitor.smc(ArchCall.SMCCC_ARCH_SOC_ID, NO_SOC_ID).x[0]) < 0


@pytest.mark.usefixtures("arch_features")
@pytest.mark.parametrize("workaround", WORKAROUNDS, ids=lambda call: call.name)
def test_workarounds_say_whether_they_are_needed_and_can_be_called(monitor: Monitor, workaround: ArchCall) -> None:
    """DEN0028, "SMCCC_ARCH_WORKAROUND_1" to "_3": the return codes of discovery; a call returns nothing."""
    needed = signed(monitor.smc(ArchCall.SMCCC_ARCH_FEATURES, workaround).x[0])
    assert needed in WORKAROUNDS[workaround]
    if needed >= 0:
        registers = call_with_canaries(monitor, workaround, 1)
        assert registers[4:] == CANARIES[4:]


@pytest.mark.parametrize("fid", UNDEFINED.values(), ids=UNDEFINED)
def test_an_unknown_call_returns_minus_one(monitor: Monitor, fid: int) -> None:
    """DEN0028, "Unknown Function Identifier": -1, sign-extended to the size of the result."""
    bits = 64 if fid == smc64(fid) else 32
    assert signed(monitor.smc(fid).x[0], bits) == Status.NOT_SUPPORTED


@pytest.mark.parametrize(
    "fid", [ArchCall.SMCCC_VERSION, PsciCall.PSCI_VERSION, TrngCall.TRNG_VERSION, 0x8400_FFF0], ids=hex
)
def test_a_call_preserves_what_carries_no_result(monitor: Monitor, smccc_version: tuple[int, int], fid: int) -> None:
    """DEN0028, "Register use in AArch64 SMC and HVC calls": x4 to x17, since 1.1, and x18 to x30 keep their values."""
    first = 18 if smccc_version < (1, 1) else 4
    registers = call_with_canaries(monitor, fid)
    assert registers[first:] == CANARIES[first:]


def test_a_call_preserves_simd_registers(monitor: Monitor) -> None:
    """DEN0028, "SME, SVE, SIMD and floating-point registers": a call preserves them all."""
    image = FP_BYTES + bytes(abi.AGENT_FP_BYTES - len(FP_BYTES))
    program = Program()
    program.put(image)
    program.data(r[1])
    program.fp_load(r[1])
    program.set(r[0], PsciCall.PSCI_VERSION)
    program.smc()
    program.data(r[1])
    program.fp_store(r[1])
    program.halt()
    program.want((), size=512)
    assert monitor.run(program).require().data == image[:512]


def call_with_canaries(monitor: Monitor, fid: int, x1: int = 0) -> tuple[int, ...]:
    """Make a call with all registers behind the arguments set to known values; return x0 to x30."""
    program = Program()
    for index, canary in enumerate(CANARIES):
        program.set(r[index], canary)
    program.set(r[0], fid)
    program.set(r[1], x1)
    program.smc()
    program.halt()
    return monitor.run(program).require().r[:31]
