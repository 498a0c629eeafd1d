"""Manufacture, suspend, resume and reset; what each keeps, and how each fails."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import TPM2_ALG, TPMT_SIG_SCHEME

from hil.target.tpm import Tpm, commands
from hil.target.tpm.key import signing_template
from tests.engine.engine_process import ENDLESS, EngineError, EngineProcess, Op, Status, Window

if TYPE_CHECKING:
    from hil.target.tpm.key import Key

DIGEST = hashlib.sha256(b"measured").digest()
NV_INDEX = 0x01500001
PROFILES = {0: ("sha1", "sha256", "sha384", "sha512"), 1: ("sha256",), 2: ("sha384",)}
HEADER_BYTES = 20


@pytest.fixture
def image(window: Window, tpm: Tpm) -> bytes:
    """The image of a TPM that has been used."""
    tpm.extend(10, DIGEST)
    tpm.nv_write(tpm.nv_define(NV_INDEX, 32), DIGEST)
    return window.suspend()


@pytest.mark.parametrize(("profile", "banks"), PROFILES.items())
def test_a_profile_decides_which_pcr_banks_exist(engine: EngineProcess, profile: int, banks: tuple[str, ...]) -> None:
    with Tpm(engine.window(0).manufacture(profile)) as tpm:
        tpm.startup()
        assert tpm.banks() == banks


def test_an_unknown_profile_is_refused_and_leaves_the_window_fresh(engine: EngineProcess) -> None:
    window = engine.window(0)
    assert window.call(Op.MANUFACTURE, max(PROFILES) + 1).status is Status.BAD_ARGUMENT
    window.manufacture()


def test_windows_hold_independent_tpms(engine: EngineProcess) -> None:
    with Tpm(engine.window(0).manufacture()) as one, Tpm(engine.window(1).manufacture()) as other:
        for tpm in (one, other):
            tpm.startup()
        one.extend(10, DIGEST)
        assert one.pcr(10) != bytes(32)
        assert other.pcr(10) == bytes(32)
        with one.signing_key() as key, other.signing_key() as other_key:
            assert public(key) != public(other_key)


def test_a_resumed_tpm_goes_on_where_it_was_suspended(window: Window, tpm: Tpm) -> None:
    tpm.extend(10, DIGEST)
    value = tpm.pcr(10)
    nv = tpm.nv_define(NV_INDEX, 32)
    tpm.nv_write(nv, DIGEST)
    with tpm.signing_key() as key:
        image = window.suspend()
        window.move(1).resume(image)  # the client goes on: its handles and sessions must still be there
        tpm.sign(key, DIGEST)
        assert tpm.pcr(10) == value
        assert tpm.nv_read(nv, 32) == DIGEST


def test_suspending_twice_gives_images_of_the_same_tpm(engine: EngineProcess, image: bytes) -> None:
    again = engine.window(1).resume(image).suspend()
    assert len(again) == len(image)


def test_suspending_does_not_disturb_the_tpm(window: Window, tpm: Tpm) -> None:
    tpm.extend(10, DIGEST)
    value = tpm.pcr(10)
    for _ in range(8):
        window.suspend()
    assert tpm.pcr(10) == value


def test_reset_clears_pcrs_and_keeps_permanent_state(window: Window, tpm: Tpm) -> None:
    tpm.extend(10, DIGEST)
    tpm.nv_write(tpm.nv_define(NV_INDEX, 32), DIGEST)
    with tpm.signing_key() as key:
        before = public(key)
    window.reset()
    assert commands.submit(window, commands.get_random(8)).code == commands.RC_INITIALIZE
    with Tpm(window) as again:
        again.startup()
        assert again.pcr(10) == bytes(32)
        assert again.nv_read(again.nv_open(NV_INDEX), 32) == DIGEST
        with again.signing_key() as key:
            assert public(key) == before


def test_startup_state_brings_back_what_shutdown_state_saved(window: Window, tpm: Tpm) -> None:
    tpm.extend(10, DIGEST)
    value = tpm.pcr(10)
    tpm.esapi.shutdown(1)
    window.reset()
    with Tpm(window) as again:
        again.startup(state=True)
        assert again.pcr(10) == value


def test_an_image_without_volatile_state_comes_up_as_after_reset(engine: EngineProcess, image: bytes) -> None:
    permanent_bytes = int.from_bytes(image[8:12], "little")
    cold = image[:12] + bytes(8) + image[HEADER_BYTES : HEADER_BYTES + permanent_bytes]
    with Tpm(engine.window(1).resume(cold)) as tpm:
        tpm.startup()
        assert tpm.pcr(10) == bytes(32)
        assert tpm.nv_read(tpm.nv_open(NV_INDEX), 32) == DIGEST


def test_a_tpm_with_full_nv_memory_still_suspends_and_resumes(engine: EngineProcess, window: Window, tpm: Tpm) -> None:
    count = fill_nv(tpm)
    image = window.suspend()
    with Tpm(engine.window(1).resume(image)) as again:
        assert again.nv_read(again.nv_open(NV_INDEX + count - 1), 1024) == bytes([count - 1 & 0xFF]) * 1024
        engine.window(2).resume(Window(engine, 1).suspend())


def test_no_entropy_no_tpm(engine: EngineProcess) -> None:
    for calls in range(64):
        window = engine.window(0)
        window.call(Op.ENTROPY, calls)
        status = window.call(Op.MANUFACTURE).status
        window.call(Op.ENTROPY, ENDLESS)
        if status is Status.OK:
            assert calls >= 2, "a TPM was made without asking for entropy"
            return
        assert status is Status.NO_ENTROPY
        assert window.call(Op.EXECUTE, payload=commands.startup()).status is Status.BAD_ARGUMENT
    pytest.fail("manufacture never ends")


def test_a_running_tpm_stops_when_it_needs_entropy_and_there_is_none(window: Window, tpm: Tpm) -> None:
    """The first RSA signature seeds OpenSSL's generators, for blinding."""
    handle, *_ = tpm.esapi.create_primary(None, signing_template("rsa"))
    window.call(Op.ENTROPY, 0)
    with pytest.raises(EngineError, match="NO_ENTROPY"):
        tpm.esapi.sign(handle, DIGEST, TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL))
    window.call(Op.ENTROPY, ENDLESS)
    assert window.call(Op.EXECUTE, payload=commands.get_random(8)).status is Status.BAD_ARGUMENT


def test_an_image_is_not_resumed_without_entropy(engine: EngineProcess, image: bytes) -> None:
    window = engine.window(1)
    window.call(Op.ENTROPY, 0)
    assert window.call(Op.RESUME, payload=image).status is Status.NO_ENTROPY


def test_operations_in_the_wrong_state_are_refused(engine: EngineProcess, image: bytes) -> None:
    fresh = engine.window(1)
    for op in (Op.EXECUTE, Op.SUSPEND, Op.RESET):
        assert fresh.call(op).status is Status.BAD_ARGUMENT
    running = fresh.manufacture()
    assert running.call(Op.MANUFACTURE).status is Status.BAD_ARGUMENT
    assert running.call(Op.RESUME, payload=image).status is Status.BAD_ARGUMENT


def test_a_truncated_image_is_refused(engine: EngineProcess, image: bytes) -> None:
    for length in (*range(0, 64), *range(64, len(image), 499)):
        assert engine.window(1).call(Op.RESUME, payload=image[:length]).status is Status.BAD_STATE


def test_an_image_truncated_with_fitting_lengths_is_refused(engine: EngineProcess, image: bytes) -> None:
    permanent, volatile = (int.from_bytes(image[at : at + 4], "little") for at in (8, 12))
    for cut in range(1, volatile, 211):
        short = image[:12] + (volatile - cut).to_bytes(4, "little") + image[16:-cut]
        assert engine.window(1).call(Op.RESUME, payload=short).status is not Status.CRASHED
    assert permanent > 0


def test_a_damaged_image_never_crashes_the_engine(engine: EngineProcess, image: bytes) -> None:
    dice = random.Random(20)
    for _ in range(300):
        damaged = bytearray(image)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(HEADER_BYTES, len(damaged))] ^= 1 << dice.randrange(8)
        reply = engine.window(1).call(Op.RESUME, payload=bytes(damaged))
        assert reply.status in (Status.OK, Status.BAD_STATE), reply


def public(key: Key) -> bytes:
    return bytes(key.public.marshal())


def fill_nv(tpm: Tpm) -> int:
    """Define and write NV indices until the TPM has no space left; returns how many there are."""
    for count in range(256):
        try:
            handle = tpm.nv_define(NV_INDEX + count, 1024)
        except Exception:
            return count
        tpm.nv_write(handle, bytes([count & 0xFF]) * 1024)
    raise AssertionError("NV memory has no end")
