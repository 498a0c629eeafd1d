"""The library's commands work in the engine."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, get_args

import pytest
from tpm2_pytss import (
    ESYS_TR,
    TPM2_ALG,
    TPM2_CAP,
    TPM2_CC,
    TPM2_SE,
    TPM2B_PUBLIC,
    TPMA_SESSION,
    TPMS_SCHEME_HASH,
    TPMT_RSA_DECRYPT,
    TPMT_SYM_DEF,
    TPMU_ASYM_SCHEME,
    TSS2_Exception,
)

from hil.target.tpm import QuoteError, commands
from hil.target.tpm.key import KeyKind
from hil.target.tpm.quote import check_signature

if TYPE_CHECKING:
    from hil.target.tpm import Tpm
    from tests.engine.engine_process import Window

DIGEST = hashlib.sha256(b"measured").digest()
KINDS: tuple[KeyKind, ...] = get_args(KeyKind)
BANKS = ("sha1", "sha256", "sha384", "sha512")
SELF_TEST_FULL = bytes([1])


def test_every_self_test_passes(window: Window) -> None:
    assert commands.submit(window, commands.startup()).code == commands.SUCCESS
    assert commands.submit(window, commands.command(commands.CC_SELF_TEST, SELF_TEST_FULL)).code == commands.SUCCESS
    result = commands.submit(window, commands.command(TPM2_CC.GetTestResult))
    assert result.code == commands.SUCCESS
    assert result.body[-4:] == bytes(4)


def test_commands_before_startup_are_refused(window: Window) -> None:
    assert commands.submit(window, commands.get_random(8)).code == commands.RC_INITIALIZE


def test_random_bytes_do_not_repeat(tpm: Tpm) -> None:
    assert len({tpm.random(32) for _ in range(64)}) == 64


@pytest.mark.parametrize("bank", BANKS)
def test_extending_a_pcr_hashes_its_value_with_the_digest(tpm: Tpm, bank: str) -> None:
    before = tpm.pcr(10, bank)
    digest = hashlib.new(bank, b"measured").digest()
    tpm.extend(10, digest, bank)
    assert tpm.pcr(10, bank) == hashlib.new(bank, before + digest).digest()


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_verify_off_the_tpm(tpm: Tpm, kind: KeyKind) -> None:
    with tpm.signing_key(kind) as key:
        signature = tpm.sign(key, DIGEST)
        check_signature(key.public_key, b"measured", signature)
        with pytest.raises(QuoteError):
            check_signature(key.public_key, b"other", signature)


@pytest.mark.parametrize("name", ["ecc256", "ecc384", "rsa2048", "rsa3072"])
def test_primary_keys_of_every_size_can_be_created(tpm: Tpm, name: str) -> None:
    template = TPM2B_PUBLIC.parse(name)
    handle, first, *_ = tpm.esapi.create_primary(None, template)
    tpm.esapi.flush_context(handle)
    handle, second, *_ = tpm.esapi.create_primary(None, template)
    tpm.esapi.flush_context(handle)
    assert bytes(first.marshal()) == bytes(second.marshal())


@pytest.mark.parametrize("kind", KINDS)
def test_a_sealed_secret_opens_only_with_the_pcrs_it_was_sealed_to(tpm: Tpm, kind: KeyKind) -> None:
    with tpm.storage_key(kind) as parent:
        sealed = tpm.seal(parent, b"secret", [11])
        assert tpm.unseal(parent, sealed, [11]) == b"secret"
        tpm.extend(11, DIGEST)
        with pytest.raises(TSS2_Exception):
            tpm.unseal(parent, sealed, [11])


def test_nv_memory_holds_what_was_written(tpm: Tpm) -> None:
    handle = tpm.nv_define(0x01500001, 64)
    tpm.nv_write(handle, bytes(range(64)))
    assert tpm.nv_read(handle, 64) == bytes(range(64))
    tpm.nv_undefine(handle)
    with pytest.raises(TSS2_Exception):
        tpm.nv_open(0x01500001)


@pytest.mark.parametrize("kind", KINDS)
def test_a_salted_session_encrypts_parameters(tpm: Tpm, kind: KeyKind) -> None:
    symmetric = TPMT_SYM_DEF.parse("aes128cfb")
    with tpm.storage_key(kind) as salt:
        session = tpm.esapi.start_auth_session(
            salt.handle, ESYS_TR.NONE, TPM2_SE.HMAC, symmetric, TPM2_ALG.SHA256, None
        )
        tpm.esapi.trsess_set_attributes(session, TPMA_SESSION.ENCRYPT | TPMA_SESSION.CONTINUESESSION)
        drawn = {bytes(tpm.esapi.get_random(16, session1=session)) for _ in range(4)}
        tpm.esapi.flush_context(session)
    assert len(drawn) == 4


def test_rsa_encryption_round_trips(tpm: Tpm) -> None:
    sha256 = TPMU_ASYM_SCHEME(oaep=TPMS_SCHEME_HASH(hashAlg=TPM2_ALG.SHA256))
    oaep = TPMT_RSA_DECRYPT(scheme=TPM2_ALG.OAEP, details=sha256)
    template = TPM2B_PUBLIC.parse("rsa2048", objectAttributes="userwithauth|decrypt|sensitivedataorigin")
    handle, *_ = tpm.esapi.create_primary(None, template)
    sealed = tpm.esapi.rsa_encrypt(handle, b"short message", oaep)
    assert bytes(tpm.esapi.rsa_decrypt(handle, sealed, oaep)) == b"short message"


@pytest.mark.parametrize("cipher", ["aes128", "aes256", "camellia128", "camellia256"])
@pytest.mark.parametrize("mode", ["cfb", "cbc", "ctr", "ofb", "ecb"])
def test_symmetric_encryption_goes_on_with_the_iv_it_returned(tpm: Tpm, cipher: str, mode: str) -> None:
    """CVE-2026-21444: libtpms with OpenSSL 3 returned the first initialisation vector, not the next one."""
    algorithm = TPM2_ALG.parse(mode)
    first_iv = b"" if mode == "ecb" else bytes(16)
    clear = bytes(range(64))
    usable = "userwithauth|decrypt|sign_encrypt|sensitivedataorigin"
    template = TPM2B_PUBLIC.parse(cipher + mode, objectAttributes=usable)
    with tpm.storage_key() as parent:
        private, public, *_ = tpm.esapi.create(parent.handle, None, template)
        key = tpm.esapi.load(parent.handle, private, public)
    whole, _ = tpm.esapi.encrypt_decrypt(key, False, algorithm, first_iv, clear)
    head, next_iv = tpm.esapi.encrypt_decrypt(key, False, algorithm, first_iv, clear[:32])
    tail, _ = tpm.esapi.encrypt_decrypt(key, False, algorithm, bytes(next_iv), clear[32:])
    again, _ = tpm.esapi.encrypt_decrypt(key, True, algorithm, first_iv, bytes(whole))
    assert bytes(head) + bytes(tail) == bytes(whole) != clear
    assert bytes(again) == clear


def test_capabilities_list_the_whole_command_set(tpm: Tpm) -> None:
    _, data = tpm.esapi.get_capability(TPM2_CAP.COMMANDS, TPM2_CC.FIRST, 256)
    codes = {int(entry) & 0xFFFF for entry in data.data.command}
    needed = ("CreatePrimary", "NV_Certify", "PolicySecret", "EncryptDecrypt2", "ZGen_2Phase", "Commit", "Import")
    assert {int(getattr(TPM2_CC, name)) for name in needed} <= codes
    assert len(codes) > 100
