"""Nothing that a guest sends takes the engine down, and what goes wrong in one window stays there."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import TPM2_SU, TPM2B_PUBLIC, TPMA_OBJECT

from hil.target.tpm import Tpm, commands
from tests.engine.engine_process import EngineProcess, Fault, Op, Status, Window, symbols

if TYPE_CHECKING:
    from pathlib import Path

BUFFER_BYTES = 4096
STACK_BYTES = 64 * 1024
WINDOW_BYTES = 1024 * 1024
WINDOW_VA = 0x1000_0000
FIRST_COMMAND, LAST_COMMAND = 0x11F, 0x199
CC_GET_TEST_RESULT = 0x17C
CAP_COMMANDS = 2
RC_COMMAND_CODE = 0x143
CC_GET_TIME = 0x14C
OWNER, NULL, PASSWORD, ENDORSEMENT = 0x4000_0001, 0x4000_0007, 0x4000_0009, 0x4000_000B
FIRST_TRANSIENT = 0x8000_0000
ALG_HMAC, ALG_NULL, LAST_ALGORITHM = 0x05, 0x10, 0x48
HMAC_KEY = TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.SIGN_ENCRYPT | TPMA_OBJECT.SENSITIVEDATAORIGIN
SESSION_DECRYPT = 0x20
FUZZ_COMMANDS = 4000


def outcome(window: Window, command: bytes) -> commands.Response:
    """Return the response, which must be well formed whatever the command was."""
    return commands.Response.parse(window.transmit(command))


@pytest.fixture
def started(window: Window) -> Window:
    assert outcome(window, commands.startup()).code == commands.SUCCESS
    return window


@pytest.fixture
def variable(engine_image: Path) -> dict[str, int]:
    """The offset of each of the engine's variables in the window."""
    return {name: va - WINDOW_VA for name, va in symbols(engine_image).items() if va >= WINDOW_VA}


def test_commands_shorter_than_a_header_get_an_error_response(started: Window) -> None:
    for length in range(commands.HEADER_BYTES):
        assert outcome(started, commands.get_random(8)[:length]).code != commands.SUCCESS


@pytest.mark.parametrize("size", [0, 9, 11, 13, BUFFER_BYTES, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_command_that_lies_about_its_size_is_refused(started: Window, size: int) -> None:
    lie = commands.command(commands.CC_GET_RANDOM, struct.pack(">H", 8), size=size)
    assert outcome(started, lie).code == commands.RC_COMMAND_SIZE


def test_a_command_that_fills_the_buffer_is_answered(started: Window) -> None:
    parameters = bytes(BUFFER_BYTES - commands.HEADER_BYTES)
    assert outcome(started, commands.command(commands.CC_GET_RANDOM, parameters)).code != commands.SUCCESS


def test_a_command_longer_than_the_buffer_never_reaches_the_library(started: Window) -> None:
    assert started.call(Op.EXECUTE, payload=bytes(BUFFER_BYTES + 1)).status is Status.BAD_REQUEST


def test_an_encrypted_parameter_cut_short_is_refused(started: Window) -> None:
    """CVE-2023-1017 and -1018: the size of an encrypted first parameter lies at, or past, the end of the command."""
    session = start_session(started)
    for tail in (b"", b"\x00", b"\xff\xff", b"\x00\x10", b"\x0f\xff" + bytes(3)):
        auth = struct.pack(">IHBH", session, 0, SESSION_DECRYPT | 1, 0)
        password = struct.pack(">IHBH", PASSWORD, 0, 0, 0)
        area = password + auth
        parameters = struct.pack(">II", OWNER, len(area)) + area + tail
        assert outcome(started, commands.command(0x131, parameters, tag=commands.SESSIONS)).code != commands.SUCCESS
    assert outcome(started, commands.get_random(8)).code == commands.SUCCESS


def test_an_hmac_key_signs_only_with_its_own_scheme(started: Window) -> None:
    """CVE-2025-2884 and CVE-2025-49133: attestation with a scheme that does not fit the key."""
    with Tpm(started) as tpm:
        tpm.esapi.create_primary(None, TPM2B_PUBLIC.parse("hmac:sha256", objectAttributes=HMAC_KEY))
    password = struct.pack(">IHBH", PASSWORD, 0, 0, 0)
    start = struct.pack(">III", ENDORSEMENT, FIRST_TRANSIENT, 2 * len(password)) + password * 2
    for scheme in range(LAST_ALGORITHM + 1):
        for digest in (*range(LAST_ALGORITHM + 1), 0xFFFF):
            command = start + struct.pack(">HHH", 0, scheme, digest)
            response = outcome(started, commands.command(CC_GET_TIME, command, tag=commands.SESSIONS))
            fits = (scheme, digest) == (ALG_HMAC, commands.ALG_SHA256)
            assert (response.code == commands.SUCCESS) == fits or scheme == ALG_NULL, (scheme, digest)
    assert outcome(started, commands.command(CC_GET_TEST_RESULT)).code == commands.SUCCESS


def test_every_command_the_library_lists_is_carried_out_or_refused_for_its_parameters(started: Window) -> None:
    everything = struct.pack(">III", CAP_COMMANDS, FIRST_COMMAND, 256)
    listed = outcome(started, commands.command(commands.CC_GET_CAPABILITY, everything)).body[9:]
    codes = [int.from_bytes(listed[at + 2 : at + 4], "big") for at in range(0, len(listed), 4)]
    assert len(codes) > 100
    for code in codes:
        assert outcome(started, commands.command(code)).code != RC_COMMAND_CODE, hex(code)


def test_random_commands_never_crash_the_engine(started: Window) -> None:
    dice = random.Random(1017)
    for _ in range(FUZZ_COMMANDS):
        tag = dice.choice((commands.NO_SESSIONS, commands.SESSIONS))
        body = bytearray(dice.randbytes(dice.choice((0, 2, 4, 16, 64, 300))))
        for at in range(0, len(body) - 4, 4):
            if dice.random() < 0.4:
                struct.pack_into(">I", body, at, dice.choice((OWNER, NULL, PASSWORD, 9, 0, 1, 0xB, 0x23)))
        outcome(started, commands.command(dice.randint(FIRST_COMMAND, LAST_COMMAND), bytes(body), tag=tag))
    result = outcome(started, commands.command(CC_GET_TEST_RESULT))
    assert result.code == commands.SUCCESS, "a random command put the TPM into failure mode"


def test_mutated_commands_never_crash_the_engine(window: Window) -> None:
    """Flips bits in real commands, which get further than random ones."""
    seen: list[bytes] = []
    with Tpm(Recorder(window, seen)) as tpm:
        tpm.startup()
        with tpm.storage_key() as parent:
            tpm.unseal(parent, tpm.seal(parent, b"secret", [11]), [11])
        tpm.nv_write(tpm.nv_define(0x0150_0001, 64), bytes(64))
    dice = random.Random(1018)
    for _ in range(FUZZ_COMMANDS):
        mutated = bytearray(dice.choice(seen))
        for _ in range(dice.randint(1, 3)):
            mutated[dice.randrange(commands.HEADER_BYTES, len(mutated))] = dice.choice((0, 0xFF, dice.randrange(256)))
        outcome(window, bytes(mutated))


def test_failure_mode_is_answered_and_ends_with_reset(started: Window, variable: dict[str, int]) -> None:
    started.call(Op.POKE, variable["g_inFailureMode"], struct.pack("<I", 1))
    assert outcome(started, commands.get_random(8)).code == commands.RC_FAILURE
    assert outcome(started, commands.command(CC_GET_TEST_RESULT)).code == commands.SUCCESS
    started.reset()
    assert outcome(started, commands.startup()).code == commands.SUCCESS


def test_the_log_says_when_failure_mode_begins_but_not_by_which_bytes(
    engine: EngineProcess, started: Window, variable: dict[str, int]
) -> None:
    started.call(Op.POKE, variable["g_inFailureMode"], struct.pack("<I", 1))
    outcome(started, commands.command(commands.CC_GET_RANDOM, b"secret"))
    log = engine.log.read_text()
    assert "Entered failure mode" in log
    assert b"sec".hex(" ") not in log


def test_a_damaged_heap_ends_only_its_own_window(engine: EngineProcess, variable: dict[str, int]) -> None:
    damaged, sound = engine.window(1).manufacture(), engine.window(2).manufacture()
    heap = variable["engine_heap_start"]
    damaged.call(Op.POKE, heap, bytes(256))
    reply = damaged.call(Op.SUSPEND)
    assert (reply.status, reply.detail) == (Status.FATAL, Fault.HEAP_CORRUPT)
    assert damaged.call(Op.EXECUTE, payload=commands.startup()).status is Status.BAD_ARGUMENT
    assert outcome(sound, commands.startup()).code == commands.SUCCESS


def test_heap_does_not_leak(started: Window) -> None:
    def round_of_work() -> int:
        with Tpm(started) as tpm:
            for kind in ("ecc", "rsa"):
                with tpm.signing_key(kind) as key:
                    tpm.sign(key, bytes(32))
            with tpm.storage_key() as parent:
                tpm.unseal(parent, tpm.seal(parent, b"secret", [11]), [11])
            handle = tpm.nv_define(0x0150_0002, 16)
            tpm.nv_write(handle, bytes(16))
            tpm.nv_undefine(handle)
            tpm.esapi.shutdown(TPM2_SU.CLEAR)  # an abrupt end would count against the dictionary attack limit
        started.suspend()
        started.reset()
        outcome(started, commands.startup())
        return started.call(Op.EXECUTE, payload=commands.get_random(8)).heap

    round_of_work()
    settled = round_of_work()
    assert [round_of_work() for _ in range(4)] == [settled] * 4


def test_heap_and_stack_keep_a_reserve(started: Window) -> None:
    outcome(started, commands.command(commands.CC_SELF_TEST, b"\x01"))
    with Tpm(started) as tpm:
        for name in ("ecc", "rsa"):
            with tpm.signing_key(name) as key:
                tpm.sign(key, bytes(32))
    started.suspend()
    reply = started.call(Op.EXECUTE, payload=commands.get_random(8))
    assert reply.stack_peak < STACK_BYTES / 2
    assert reply.heap_peak < WINDOW_BYTES / 2


class Recorder:
    """A transport that keeps the commands it carries."""

    def __init__(self, window: Window, seen: list[bytes]) -> None:
        self._window = window
        self._seen = seen

    def transmit(self, command: bytes) -> bytes:
        self._seen.append(command)
        return self._window.transmit(command)


def start_session(window: Window) -> int:
    """Start an unbound HMAC session with AES-128-CFB; returns its handle."""
    parameters = struct.pack(">IIH16sHBHHHH", NULL, NULL, 16, bytes(16), 0, 0, 6, 128, 0x43, 0x0B)
    return int.from_bytes(outcome(window, commands.command(0x176, parameters)).body[:4], "big")
