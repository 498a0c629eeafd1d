"""TPMs of different VMs, and of one VM, have nothing in common."""

from __future__ import annotations

import hashlib
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import TSS2_Exception

from hil.target.tpm import Tpm, check_signature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.fixtures import MakeVtpm
    from hil.target.tpm import KeyKind
    from hil.target.vtpm import Vm

DIGEST = hashlib.sha256(b"measured").digest()
EXTENDED_ONCE = hashlib.sha256(bytes(32) + DIGEST).digest()
NV_INDEX = 0x0150_0001


@pytest.fixture
def pair(make_vtpm: MakeVtpm) -> tuple[Tpm, Tpm]:
    """The TPMs of two VMs, started."""
    tpms = Tpm(make_vtpm()), Tpm(make_vtpm())
    for tpm in tpms:
        tpm.startup()
    return tpms


@pytest.mark.element("E2")
def test_a_startup_of_one_vm_does_not_start_the_tpm_of_another(make_vtpm: MakeVtpm) -> None:
    started, idle = Tpm(make_vtpm()), Tpm(make_vtpm())
    started.startup()
    started.random(8)
    with pytest.raises(TSS2_Exception):
        idle.random(8)


@pytest.mark.element("E2")
def test_pcrs_of_two_vms_are_independent(pair: tuple[Tpm, Tpm]) -> None:
    ours, theirs = pair
    ours.extend(7, DIGEST)
    assert (ours.pcr(7), theirs.pcr(7)) == (EXTENDED_ONCE, bytes(32))
    theirs.extend(7, DIGEST)
    ours.extend(7, DIGEST)
    assert theirs.pcr(7) == EXTENDED_ONCE
    assert ours.pcr(7) == hashlib.sha256(EXTENDED_ONCE + DIGEST).digest()


@pytest.mark.element("E2")
def test_two_vms_have_different_primary_keys(pair: tuple[Tpm, Tpm]) -> None:
    with pair[0].storage_key() as ours, pair[1].storage_key() as theirs:
        assert ours.public.to_pem() != theirs.public.to_pem()


def test_nv_memory_of_one_vm_does_not_exist_for_another(pair: tuple[Tpm, Tpm]) -> None:
    ours, theirs = pair
    ours.nv_write(ours.nv_define(NV_INDEX, 32), DIGEST)
    with pytest.raises(TSS2_Exception):
        theirs.nv_open(NV_INDEX)


def test_a_secret_sealed_by_one_vm_does_not_open_in_another(pair: tuple[Tpm, Tpm]) -> None:
    ours, theirs = pair
    with ours.storage_key() as our_parent, theirs.storage_key() as their_parent:
        sealed = ours.seal(our_parent, b"secret", [7])
        with pytest.raises(TSS2_Exception):
            theirs.unseal(their_parent, sealed, [7])
        assert ours.unseal(our_parent, sealed, [7]) == b"secret"


def test_sessions_of_two_vms_interleave_command_by_command(pair: tuple[Tpm, Tpm]) -> None:
    ours, theirs = pair
    with ours.signing_key() as our_key, theirs.signing_key() as their_key:
        for number in range(4):
            message = b"message %d" % number
            digest = hashlib.sha256(message).digest()
            for tpm, key in ((ours, our_key), (theirs, their_key)):
                check_signature(key.public_key, message, tpm.sign(key, digest))
                tpm.extend(number, digest)
    assert [ours.pcr(number) for number in range(4)] == [theirs.pcr(number) for number in range(4)]


@pytest.mark.element("E2")
def test_one_vm_has_several_tpms_with_states_of_their_own(vm: Vm, make_vtpm: MakeVtpm) -> None:
    tpms = [Tpm(make_vtpm(vm, index=index)) for index in (0, 1, 5)]
    for count, tpm in enumerate(tpms):
        tpm.startup()
        for _ in range(count):
            tpm.extend(7, DIGEST)
    twice = hashlib.sha256(EXTENDED_ONCE + DIGEST).digest()
    assert [tpm.pcr(7) for tpm in tpms] == [bytes(32), EXTENDED_ONCE, twice]


def whole_session(tpm: Tpm, name: bytes) -> Iterator[None]:
    """Everything a VM does with its TPM, step by step; each step leaves state that a later one checks."""
    kinds: tuple[KeyKind, ...] = ("ecc", "rsa")
    digest = hashlib.sha256(name).digest()
    tpm.self_test()
    yield
    assert len(tpm.random(32)) == 32
    yield
    tpm.extend(7, digest)
    yield
    measured = hashlib.sha256(bytes(32) + digest).digest()
    index = tpm.nv_define(NV_INDEX, 32)
    tpm.nv_write(index, digest)
    yield
    for kind in kinds:
        with tpm.signing_key(kind) as key:
            yield
            check_signature(key.public_key, name, tpm.sign(key, digest))
        yield
    with tpm.storage_key() as parent:
        sealed = tpm.seal(parent, name, [7])
        yield
        assert tpm.unseal(parent, sealed, [7]) == name
    yield
    with tpm.attestation_key() as key:
        yield
        tpm.quote(key, b"nonce", [7]).verify(key.public_key, b"nonce", {7: measured})
    yield
    assert tpm.pcr(7) == measured
    assert tpm.nv_read(index, 32) == digest


@pytest.mark.element("E2")
@pytest.mark.element("E8")
def test_whole_sessions_of_two_vms_run_at_once(pair: tuple[Tpm, Tpm]) -> None:
    steps = zip_longest(whole_session(pair[0], b"one VM"), whole_session(pair[1], b"another VM"))
    assert sum(1 for _ in steps) > 10
