"""Ends of VMs without TPM2_Shutdown, and the lockout that protects authorisation values (dictionary attacks)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import (
    TPM2_ALG,
    TPM2_CAP,
    TPM2_PT,
    TPM2_RC,
    TPM2B_PUBLIC,
    TPM2B_SENSITIVE_CREATE,
    TPMA_OBJECT,
    TPMS_SENSITIVE_CREATE,
    TPMT_SIG_SCHEME,
    TSS2_Exception,
)

from hil.target.tpm import Tpm, commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.engine_process import Window

DIGEST = hashlib.sha256(b"measured").digest()
PROTECTED = (
    TPMA_OBJECT.FIXEDTPM
    | TPMA_OBJECT.FIXEDPARENT
    | TPMA_OBJECT.SENSITIVEDATAORIGIN
    | TPMA_OBJECT.USERWITHAUTH
    | TPMA_OBJECT.SIGN_ENCRYPT
)
USES = 8
"""Of a TPM that allows three failed authorisations."""
FAILED_AUTHORISATION = 0x98E
SU_STATE = b"\x00\x01"
MALFORMED = b"\x00\x09"


def use_key(tpm: Tpm, password: bytes = b"secret") -> None:
    """Sign with a key that has the authorisation value `secret`, and to which the lockout applies."""
    template = TPM2B_PUBLIC.parse("ecc256:ecdsa-sha256", objectAttributes=PROTECTED)
    handle, *_ = tpm.esapi.create_primary(TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(userAuth=b"secret")), template)
    try:
        tpm.esapi.tr_set_auth(handle, password)
        tpm.esapi.sign(handle, DIGEST, TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL))
    finally:
        tpm.esapi.flush_context(handle)


def lockout_counter(tpm: Tpm) -> int:
    _, data = tpm.esapi.get_capability(TPM2_CAP.TPM_PROPERTIES, TPM2_PT.LOCKOUT_COUNTER, 1)
    return int(data.data.tpmProperties[0].value)


def nothing(_window: Window) -> None:
    """The VM is killed after it has used the key."""


def refused_shutdown(window: Window) -> None:
    """A TPM2_Shutdown that fails is none."""
    assert commands.submit(window, commands.command(commands.CC_SHUTDOWN, MALFORMED)).code != commands.SUCCESS


def use_after_shutdown(window: Window) -> None:
    """A VM goes on after TPM2_Shutdown, as after a suspend that was given up."""
    assert commands.submit(window, commands.command(commands.CC_SHUTDOWN, SU_STATE)).code == commands.SUCCESS
    with Tpm(window) as tpm:
        use_key(tpm)


def move(window: Window) -> None:
    """The TPM leaves its window, and is in another one when the VM ends."""
    image = window.suspend()
    window.move(1).resume(image)


@pytest.mark.parametrize("end", [nothing, refused_shutdown, use_after_shutdown, move])
def test_a_vm_that_ends_without_a_shutdown_is_not_locked_out(window: Window, end: Callable[[Window], None]) -> None:
    for _ in range(USES):
        with Tpm(window) as tpm:
            tpm.startup()
            use_key(tpm)
            assert lockout_counter(tpm) == 0
        end(window)
        window.reset()


def test_wrong_authorisations_count_whatever_resets_come_between(window: Window) -> None:
    said = []
    for _ in range(4):
        with Tpm(window) as tpm:
            tpm.startup()
            with pytest.raises(TSS2_Exception) as refusal:
                use_key(tpm, b"guess")
            said.append(refusal.value.rc & 0xFFF)
        window.reset()
    assert said[0] & 0xBF == FAILED_AUTHORISATION & 0xBF
    assert said[-1] == TPM2_RC.LOCKOUT


def test_what_shutdown_state_saved_outlives_a_move_before_the_reset(window: Window, tpm: Tpm) -> None:
    tpm.extend(10, DIGEST)
    value = tpm.pcr(10)
    tpm.esapi.shutdown(1)
    move(window)
    window.reset()
    with Tpm(window) as again:
        again.startup(state=True)
        assert again.pcr(10) == value
