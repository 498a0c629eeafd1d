"""Malformed commands get a TPM error response, and the TPM goes on as if nothing had happened."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import TPM2_ALG, TPM2_RC, TPM2B_PUBLIC, TPMT_SIG_SCHEME, TSS2_Exception

from hil.target.tpm import Tpm, commands, signing_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.target.vtpm import GuestQueue

GET_RANDOM = commands.get_random(8)
HUGE = 0xFFFF_FFFF

CC_CREATE_PRIMARY = 0x131
CC_START_AUTH_SESSION = 0x176
RH_OWNER = 0x4000_0001
RH_NULL = 0x4000_0007
SE_HMAC = 0
SESSION_CONTINUE_DECRYPT = 0x21
AES_128_CFB = struct.pack(">HHH", 0x0006, 128, 0x0043)


@pytest.fixture
def started(vtpm: GuestQueue) -> Iterator[GuestQueue]:
    """A started TPM, which must still be well when the test is over."""
    commands.submit(vtpm, commands.startup())
    extended = commands.submit(vtpm, commands.pcr_extend(9, bytes(range(32))))
    assert extended.code == commands.SUCCESS
    before = commands.pcr_value(vtpm.transmit(commands.pcr_read(9)))
    yield vtpm
    assert commands.submit(vtpm, GET_RANDOM).code == commands.SUCCESS
    assert commands.pcr_value(vtpm.transmit(commands.pcr_read(9))) == before


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(commands.command(commands.CC_GET_RANDOM, b"\x00\x08", size=11), id="size-one-less"),
        pytest.param(commands.command(commands.CC_GET_RANDOM, b"\x00\x08", size=13), id="size-one-more"),
        pytest.param(commands.command(commands.CC_GET_RANDOM, b"\x00\x08", size=0), id="size-zero"),
        pytest.param(commands.command(commands.CC_GET_RANDOM, b"\x00\x08", size=HUGE), id="size-huge"),
        pytest.param(commands.command(commands.CC_GET_RANDOM, b"\x00\x08", size=0x8000_000C), id="size-negative"),
        pytest.param(GET_RANDOM[:11], id="truncated-parameter"),
        pytest.param(GET_RANDOM[:9], id="truncated-header"),
        pytest.param(b"\x80", id="one-byte"),
        pytest.param(commands.command(commands.CC_GET_RANDOM, b"\x00\x08" + bytes(5)), id="trailing-bytes"),
        pytest.param(commands.command(0x0000_0000), id="command-code-zero"),
        pytest.param(commands.command(HUGE), id="command-code-huge"),
        pytest.param(commands.command(commands.CC_GET_RANDOM, b"\x00\x08", tag=0xC4C4), id="unknown-tag"),
        pytest.param(commands.command(commands.CC_GET_RANDOM, b"\x00\x08", tag=commands.SESSIONS), id="no-sessions"),
        pytest.param(bytes(4096), id="a-page-of-zeros"),
        pytest.param(b"\xff" * 4096, id="a-page-of-ones"),
        pytest.param(commands.command(commands.CC_PCR_READ, struct.pack(">I", HUGE)), id="endless-list"),
    ],
)
def test_a_command_that_lies_is_answered_with_an_error(started: GuestQueue, command: bytes) -> None:
    response = commands.Response.parse(started.transmit(command))
    assert response.code != commands.SUCCESS
    assert response.tag == commands.NO_SESSIONS or response.tag == 0x00C4
    assert response.size == commands.HEADER_BYTES


def start_session(symmetric: bytes) -> bytes:
    """TPM2_StartAuthSession of an unsalted, unbound HMAC session (part 3, "TPM2_StartAuthSession")."""
    nonce = bytes(16)
    parameters = struct.pack(">IIH", RH_NULL, RH_NULL, len(nonce)) + nonce + struct.pack(">HB", 0, SE_HMAC)
    return commands.command(CC_START_AUTH_SESSION, parameters + symmetric + struct.pack(">H", commands.ALG_SHA256))


@pytest.mark.parametrize("tail", [b"", b"\x00", b"\x00\x00", b"\xff\xff"], ids=["none", "one", "zero", "huge"])
def test_an_encrypted_parameter_shorter_than_its_size_field_is_refused(started: GuestQueue, tail: bytes) -> None:
    """CVE-2023-1017 and 1018: a command with a decrypt session whose first parameter has fewer than two bytes."""
    opened = commands.submit(started, start_session(symmetric=AES_128_CFB))
    assert opened.code == commands.SUCCESS
    (session,) = struct.unpack_from(">I", opened.body)
    authorisation = struct.pack(">IHBH", session, 0, SESSION_CONTINUE_DECRYPT, 0)
    body = struct.pack(">II", RH_OWNER, len(authorisation)) + authorisation + tail
    answer = commands.submit(started, commands.command(CC_CREATE_PRIMARY, body, tag=commands.SESSIONS))
    assert answer.code != commands.SUCCESS


def test_random_damage_to_commands_never_stops_the_tpm(started: GuestQueue) -> None:
    source = random.Random(20261123)
    seeds = [GET_RANDOM, commands.pcr_read(3), commands.with_password(CC_CREATE_PRIMARY, RH_OWNER, bytes(20))]
    for _ in range(100):
        damaged = bytearray(source.choice(seeds))
        for _ in range(source.randint(1, 4)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        struct.pack_into(">I", damaged, 6, struct.unpack_from(">I", damaged, 6)[0] & 0x1FF)
        commands.Response.parse(started.transmit(bytes(damaged)))
    assert commands.submit(started, GET_RANDOM).code == commands.SUCCESS


@pytest.mark.parametrize("scheme", ["RSASSA", "RSAPSS", "ECDSA", "ECDAA", "SM2"])
def test_a_keyed_hash_does_not_sign_by_the_scheme_of_another_kind_of_key(started: GuestQueue, scheme: str) -> None:
    """CVE-2025-2884 and 49133: the signature structure of that scheme would be read beyond its end."""
    template = TPM2B_PUBLIC.parse("hmac", objectAttributes=signing_template("ecc").publicArea.objectAttributes)
    wrong = TPMT_SIG_SCHEME(scheme=getattr(TPM2_ALG, scheme))
    wrong.details.any.hashAlg = TPM2_ALG.SHA256
    with Tpm(started) as tpm:
        key, *_ = tpm.esapi.create_primary(None, template)
        with pytest.raises(TSS2_Exception) as refusal:
            tpm.esapi.sign(key, bytes(32), wrong)
        tpm.esapi.flush_context(key)
    assert refusal.value.error == TPM2_RC.SCHEME
