"""The TRNG firmware interface (DEN0098): version, features, identity, and entropy of every size."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from hil.target.monitor import Program, r
from hil.target.smccc import Status, TrngCall, signed

if TYPE_CHECKING:
    from hil.target.monitor import Monitor

MOST_64, MOST_32 = 192, 96
NO_ENTROPY = -3
ATTEMPTS = 100
"""How often a call is repeated that says NO_ENTROPY, which every call may."""


@pytest.mark.usefixtures("trng_version")
def test_the_version_is_a_version(trng_version: tuple[int, int]) -> None:
    """DEN0098, "TRNG_VERSION": bit 31 is zero; major number in bits 30:16, minor number in bits 15:0."""
    major, minor = trng_version
    assert major == 1
    assert 0 <= minor < 100


def test_an_interface_that_is_not_there_is_not_there_at_all(monitor: Monitor) -> None:
    """DEN0098, "TRNG_VERSION": NOT_SUPPORTED means that no call of the interface is implemented."""
    if signed(monitor.smc(TrngCall.TRNG_VERSION).x[0]) >= 0:
        pytest.skip("this firmware has the TRNG interface")
    for call in (TrngCall.TRNG_FEATURES, TrngCall.TRNG_GET_UUID, TrngCall.TRNG_RND32, TrngCall.TRNG_RND64):
        assert signed(monitor.smc(call, 32).x[0]) == Status.NOT_SUPPORTED


@pytest.mark.usefixtures("trng_version")
def test_all_calls_are_features_and_nothing_else_is(monitor: Monitor) -> None:
    """DEN0098, "TRNG_FEATURES"; of TRNG_RND, the form with 64-bit arguments is there at EL2 and EL1 in AArch64."""
    for call in (TrngCall.TRNG_VERSION, TrngCall.TRNG_FEATURES, TrngCall.TRNG_GET_UUID, TrngCall.TRNG_RND64):
        assert signed(monitor.smc(TrngCall.TRNG_FEATURES, call).x[0]) >= Status.SUCCESS
    for other in (0x8400_005F, 0x8400_0000, 0x8000_0000):
        assert signed(monitor.smc(TrngCall.TRNG_FEATURES, other).x[0]) == Status.NOT_SUPPORTED


@pytest.mark.usefixtures("trng_version")
def test_the_source_has_an_identity(monitor: Monitor) -> None:
    """DEN0098, "TRNG_GET_UUID": four words, of which the first is not -1; the same each time."""
    identity = monitor.smc(TrngCall.TRNG_GET_UUID).x[:4]
    assert identity[0] & 0xFFFF_FFFF != 0xFFFF_FFFF
    assert any(identity)
    assert monitor.smc(TrngCall.TRNG_GET_UUID).x[:4] == identity


@pytest.mark.usefixtures("trng_version")
def test_each_number_of_bits_gives_as_many_and_zeros_above(monitor: Monitor) -> None:
    """DEN0098, "TRNG_RND": bits 1 to 192, with the lowest in x3, then x2, then x1; the bits above are zero."""
    draws = drawn(monitor, MOST_64)
    for bits, (status, *words) in enumerate(draws, 1):
        assert status == Status.SUCCESS
        value = words[0] << 128 | words[1] << 64 | words[2]
        assert value >> bits == 0
    long = [tuple(words) for _, *words in draws[63:]]
    assert len(set(long)) == len(long)


@pytest.mark.usefixtures("trng_version")
def test_every_bit_is_set_at_times(monitor: Monitor) -> None:
    """DEN0098, "TRNG_RND": all bits that were asked for are entropy. 64 draws miss one of 192 by a chance of 2^-56."""
    ones = 0
    zeros = 0
    for _ in range(64):
        x1, x2, x3 = draw(monitor, MOST_64)
        ones |= x1 << 128 | x2 << 64 | x3
        zeros |= ~(x1 << 128 | x2 << 64 | x3)
    assert ones == (1 << MOST_64) - 1
    assert zeros & ones == ones


@pytest.mark.usefixtures("trng_version")
@pytest.mark.parametrize(
    ("call", "bits"),
    [
        (TrngCall.TRNG_RND64, 0),
        (TrngCall.TRNG_RND64, MOST_64 + 1),
        (TrngCall.TRNG_RND64, 1 << 32),
        (TrngCall.TRNG_RND32, 0),
        (TrngCall.TRNG_RND32, MOST_32 + 1),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_too_few_and_too_many_bits_are_refused(monitor: Monitor, call: TrngCall, bits: int) -> None:
    """DEN0098, "TRNG_RND": INVALID_PARAMETERS, and no entropy: the registers are zero, or as the caller left them."""
    if signed(monitor.smc(TrngCall.TRNG_FEATURES, call).x[0]) < 0:
        pytest.skip(f"this firmware has no {call.name}")
    status, *words = monitor.smc(call, bits).x[:4]
    assert signed(status) == Status.INVALID_PARAMETERS
    assert words in ([0, 0, 0], [bits, 0, 0])


def draw(monitor: Monitor, bits: int) -> tuple[int, int, int]:
    """Return x1 to x3 of one TRNG_RND64."""
    for _ in range(ATTEMPTS):
        status, x1, x2, x3 = monitor.smc(TrngCall.TRNG_RND64, bits).x[:4]
        if signed(status, 64) != NO_ENTROPY:
            assert status == Status.SUCCESS
            return x1, x2, x3
    pytest.fail(f"no entropy in {ATTEMPTS} attempts")


def drawn(monitor: Monitor, most: int) -> list[tuple[int, int, int, int]]:
    """Return x0 to x3 of TRNG_RND64 for 1 to `most` bits, in one program."""
    bits, at, attempts = r[20], r[21], r[22]
    program = Program()
    program.set(bits, 1)
    program.data(at)
    program.label("next")
    program.set(attempts, ATTEMPTS)
    program.label("again")
    program.set(r[0], TrngCall.TRNG_RND64)
    program.move(r[1], bits)
    program.smc()
    program.branch(r[0], "!=", NO_ENTROPY & (1 << 64) - 1, "stored")
    program.loop(attempts, "again")
    program.label("stored")
    for index in range(4):
        program.store(r[index], at, 8 * index)
    program.add(at, at, 32)
    program.add(bits, bits, 1)
    program.branch(bits, "<", most + 1, "next")
    program.halt()
    program.want((), size=32 * most)
    data = monitor.run(program).require("drawing entropy").data
    return [struct.unpack_from("<qQQQ", data, 32 * index) for index in range(most)]
