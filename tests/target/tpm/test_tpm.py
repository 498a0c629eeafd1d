"""The TPM verbs, against a TPM that is not ours."""

from __future__ import annotations

import hashlib
import shutil
import socket
import struct
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import pytest
from tpm2_pytss import TPM2_RC, TSS2_Exception

from hil.target.tpm import Quote, QuoteError, Tpm, commands
from hil.target.tpm.key import KeyKind
from hil.target.tpm.quote import check_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DIGEST = hashlib.sha256(b"measured").digest()
KINDS: tuple[KeyKind, ...] = get_args(KeyKind)
_ANSWER_SECONDS = 20


class SoftwareTpm:
    """Commands over swtpm's data socket: bare TPM bytes in both directions."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream

    def transmit(self, command: bytes) -> bytes:
        self._stream.sendall(command)
        header = self._exactly(10)
        return header + self._exactly(struct.unpack_from(">I", header, 2)[0] - len(header))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self._stream.recv(count - len(data)) or self._closed()
        return data

    @staticmethod
    def _closed() -> bytes:
        raise EOFError("swtpm closed the connection")


@contextmanager
def running_swtpm(state: Path) -> Iterator[SoftwareTpm]:
    ours, theirs = socket.socketpair()
    ours.settimeout(_ANSWER_SECONDS)
    command = ["swtpm", "socket", "--tpm2", "--fd", str(theirs.fileno()), "--tpmstate", f"dir={state}"]
    with ours, theirs:
        process = subprocess.Popen([*command, "--flags", "not-need-init"], pass_fds=[theirs.fileno()])
        theirs.close()
        try:
            yield SoftwareTpm(ours)
        finally:
            process.terminate()
            process.wait(timeout=_ANSWER_SECONDS)


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[Tpm]:
    if not shutil.which("swtpm"):
        pytest.skip("swtpm is not installed: apt-get install swtpm")
    with running_swtpm(tmp_path) as transport, Tpm(transport) as tpm:
        tpm.startup()
        yield tpm


def test_random_bytes_come_in_the_length_asked_for_and_differ(tpm: Tpm) -> None:
    first, second = tpm.random(100), tpm.random(100)
    assert len(first) == len(second) == 100
    assert first != second


def test_a_second_startup_is_not_an_error(tpm: Tpm) -> None:
    tpm.startup()


def test_extend_changes_exactly_the_named_pcr(tpm: Tpm) -> None:
    tpm.extend(5, DIGEST)
    assert tpm.pcr(5) == hashlib.sha256(bytes(32) + DIGEST).digest()
    assert tpm.pcr(6) == bytes(32)


def test_allocated_banks_are_named(tpm: Tpm) -> None:
    assert {"sha256", "sha384"} <= set(tpm.banks())


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_verify_outside_the_tpm_and_only_for_their_message(tpm: Tpm, kind: KeyKind) -> None:
    with tpm.signing_key(kind) as key:
        signature = tpm.sign(key, DIGEST)
        check_signature(key.public_key, b"measured", signature)
        with pytest.raises(QuoteError, match="not valid"):
            check_signature(key.public_key, b"other", signature)


def test_a_secret_opens_only_under_the_pcrs_it_was_sealed_to(tpm: Tpm) -> None:
    with tpm.storage_key() as parent:
        sealed = tpm.seal(parent, b"secret", [7])
        assert tpm.unseal(parent, sealed, [7]) == b"secret"
        tpm.extend(7, DIGEST)
        with pytest.raises(TSS2_Exception) as refusal:
            tpm.unseal(parent, sealed, [7])
    assert refusal.value.error == TPM2_RC.POLICY_FAIL


def test_nv_memory_keeps_what_was_written(tpm: Tpm) -> None:
    tpm.nv_write(tpm.nv_define(0x1500001, 32), DIGEST)
    index = tpm.nv_open(0x1500001)
    assert tpm.nv_read(index, 32) == DIGEST
    tpm.nv_undefine(index)
    with pytest.raises(TSS2_Exception):
        tpm.nv_open(0x1500001)


@pytest.mark.parametrize("kind", KINDS)
def test_a_true_quote_verifies(tpm: Tpm, kind: KeyKind) -> None:
    tpm.extend(1, DIGEST)
    with tpm.attestation_key(kind) as key:
        tpm.quote(key, b"nonce", [1, 9]).verify(key.public_key, b"nonce", {1: tpm.pcr(1), 9: bytes(32)})


def _flip_attest(quote: Quote) -> Quote:
    return replace(quote, attest=quote.attest[:-1] + bytes([quote.attest[-1] ^ 1]))


def _flip_signature(quote: Quote) -> Quote:
    return replace(quote, signature=quote.signature[:-1] + bytes([quote.signature[-1] ^ 1]))


@pytest.mark.parametrize(
    ("forge", "nonce", "pcrs", "complaint"),
    [
        (_flip_attest, b"nonce", {1: bytes(32)}, "signature is not valid"),
        (_flip_signature, b"nonce", {1: bytes(32)}, "signature is not valid"),
        (replace, b"other", {1: bytes(32)}, "nonce"),
        (replace, b"nonce", {1: DIGEST}, "PCR values"),
        (replace, b"nonce", {2: bytes(32)}, "covers PCRs"),
    ],
)
def test_a_false_quote_is_refused(
    tpm: Tpm, forge: Callable[[Quote], Quote], nonce: bytes, pcrs: dict[int, bytes], complaint: str
) -> None:
    with tpm.attestation_key() as key:
        quote = forge(tpm.quote(key, b"nonce", [1]))
        with pytest.raises(QuoteError, match=complaint):
            quote.verify(key.public_key, nonce, pcrs)


def test_a_signature_that_is_no_attestation_is_not_taken_for_a_quote(tpm: Tpm) -> None:
    with tpm.attestation_key() as key:
        attest, signature = tpm.esapi.get_time(key.handle, b"nonce")
        with pytest.raises(QuoteError, match="not a quote"):
            Quote(bytes(attest), bytes(signature.marshal())).verify(key.public_key, b"nonce", {})


def test_raw_commands_mean_the_same_as_the_stack_s(tpm: Tpm) -> None:
    assert commands.submit(tpm.transport, commands.pcr_extend(3, DIGEST)).code == commands.SUCCESS
    assert commands.pcr_value(tpm.transport.transmit(commands.pcr_read(3))) == tpm.pcr(3)
    assert len(commands.submit(tpm.transport, commands.get_random(16)).body) == 2 + 16
    assert commands.submit(tpm.transport, commands.startup()).code == commands.RC_INITIALIZE
