"""What a VM does with its TPM: every command here travels through the VM's own mapping of its queue."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, get_args

import pytest
from tpm2_pytss import ESYS_TR, TPM2_ALG, TPM2_RC, TPM2_SE, TPMA_SESSION, TPMT_SIG_SCHEME, TSS2_Exception

from hil.target.tpm import KeyKind, QuoteError, check_signature, commands

if TYPE_CHECKING:
    from hil.target.tpm import Tpm
    from hil.target.vtpm import GuestQueue

pytestmark = pytest.mark.element("E8")

KINDS: tuple[KeyKind, ...] = get_args(KeyKind)
DIGEST = hashlib.sha256(b"measured").digest()
BY_SCHEME_OF_THE_KEY = TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL)
NV_INDEX = 0x0150_0001


def test_commands_before_startup_are_refused_as_the_specification_says(vtpm: GuestQueue) -> None:
    assert commands.submit(vtpm, commands.get_random(8)).code == commands.RC_INITIALIZE
    assert commands.submit(vtpm, commands.startup()).code == commands.SUCCESS
    assert commands.submit(vtpm, commands.startup()).code == commands.RC_INITIALIZE
    assert len(commands.submit(vtpm, commands.get_random(8)).body) == 2 + 8


def test_every_algorithm_passes_its_self_test(tpm: Tpm) -> None:
    tpm.self_test()
    _, result = tpm.esapi.get_test_result()
    assert result == TPM2_RC.SUCCESS


def test_random_bytes_never_repeat(tpm: Tpm) -> None:
    blocks = [tpm.random(32) for _ in range(8)]
    assert len(set(blocks)) == len(blocks)


def test_a_pcr_starts_at_zero_and_extends_as_a_hash_chain(tpm: Tpm) -> None:
    expected = bytes(32)
    for _ in range(3):
        assert tpm.pcr(7) == expected
        tpm.extend(7, DIGEST)
        expected = hashlib.sha256(expected + DIGEST).digest()
    assert tpm.pcr(7) == expected
    assert tpm.pcr(8) == bytes(32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_signs_what_the_world_can_verify(tpm: Tpm, kind: KeyKind) -> None:
    with tpm.signing_key(kind) as key:
        signature = tpm.sign(key, DIGEST)
        check_signature(key.public_key, b"measured", signature)
        with pytest.raises(QuoteError):
            check_signature(key.public_key, b"something else", signature)


def test_the_tpm_verifies_its_own_signature_and_refuses_a_wrong_one(tpm: Tpm) -> None:
    with tpm.signing_key() as key:
        signature = tpm.esapi.sign(key.handle, DIGEST, BY_SCHEME_OF_THE_KEY)
        tpm.esapi.verify_signature(key.handle, DIGEST, signature)
        with pytest.raises(TSS2_Exception) as refusal:
            tpm.esapi.verify_signature(key.handle, hashlib.sha256(b"other").digest(), signature)
    assert refusal.value.error == TPM2_RC.SIGNATURE


def test_a_primary_key_is_the_same_each_time_it_is_made(tpm: Tpm) -> None:
    with tpm.storage_key() as first, tpm.storage_key() as second:
        assert first.public.to_pem() == second.public.to_pem()


@pytest.mark.parametrize("kind", KINDS)
def test_a_sealed_secret_opens_only_while_the_pcrs_are_as_they_were(tpm: Tpm, kind: KeyKind) -> None:
    tpm.extend(4, DIGEST)
    with tpm.storage_key(kind) as parent:
        sealed = tpm.seal(parent, b"disk encryption key", [4, 7])
        assert tpm.unseal(parent, sealed, [4, 7]) == b"disk encryption key"
        tpm.extend(7, DIGEST)
        with pytest.raises(TSS2_Exception) as refusal:
            tpm.unseal(parent, sealed, [4, 7])
    assert refusal.value.error == TPM2_RC.POLICY_FAIL


def test_nv_memory_is_defined_written_read_and_deleted(tpm: Tpm) -> None:
    contents = tpm.random(64)
    tpm.nv_write(tpm.nv_define(NV_INDEX, len(contents)), contents)
    index = tpm.nv_open(NV_INDEX)
    assert tpm.nv_read(index, len(contents)) == contents
    tpm.nv_undefine(index)
    with pytest.raises(TSS2_Exception):
        tpm.nv_open(NV_INDEX)


@pytest.mark.parametrize("kind", KINDS)
def test_a_quote_convinces_a_verifier_who_has_only_the_public_key(tpm: Tpm, kind: KeyKind) -> None:
    tpm.extend(0, DIGEST)
    nonce = tpm.random(20)
    values = {index: tpm.pcr(index) for index in (0, 7)}
    with tpm.attestation_key(kind) as key:
        quote = tpm.quote(key, nonce, [0, 7])
        quote.verify(key.public_key, nonce, values)
        with pytest.raises(QuoteError, match="PCR values"):
            quote.verify(key.public_key, nonce, values | {0: bytes(32)})
        with pytest.raises(QuoteError, match="nonce"):
            quote.verify(key.public_key, b"an older nonce", values)


def test_a_salted_session_encrypts_what_crosses_the_queue(vtpm: GuestQueue, tpm: Tpm) -> None:
    with tpm.storage_key("ecc") as key:
        session = tpm.esapi.start_auth_session(key.handle, ESYS_TR.NONE, TPM2_SE.HMAC, "aes128cfb", TPM2_ALG.SHA256)
        tpm.esapi.trsess_set_attributes(session, TPMA_SESSION.ENCRYPT | TPMA_SESSION.CONTINUESESSION)
        random = bytes(tpm.esapi.get_random(16, session1=session))
    assert len(random) == 16
    assert random not in vtpm.buffer()
    in_the_clear = tpm.random(16)
    assert in_the_clear in vtpm.buffer()


def test_a_saved_context_comes_back(tpm: Tpm) -> None:
    with tpm.signing_key() as key:
        context = tpm.esapi.context_save(key.handle)
    handle = tpm.esapi.context_load(context)
    signature = tpm.esapi.sign(handle, DIGEST, BY_SCHEME_OF_THE_KEY)
    check_signature(key.public_key, b"measured", bytes(signature.marshal()))
    tpm.esapi.flush_context(handle)
