"""The lockout of a vTPM (dictionary attack protection), and VMs that end without TPM2_Shutdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import (
    TPM2_ALG,
    TPM2_CAP,
    TPM2_PT,
    TPM2B_PUBLIC,
    TPM2B_SENSITIVE_CREATE,
    TPMA_OBJECT,
    TPMS_SENSITIVE_CREATE,
    TPMT_SIG_SCHEME,
)

from hil.target.tpm import Tpm, commands

if TYPE_CHECKING:
    from hil.fixtures import MakeVtpm

pytestmark = [pytest.mark.element("E8"), pytest.mark.usefixtures("monitor")]

PROTECTED = (
    TPMA_OBJECT.FIXEDTPM
    | TPMA_OBJECT.FIXEDPARENT
    | TPMA_OBJECT.SENSITIVEDATAORIGIN
    | TPMA_OBJECT.USERWITHAUTH
    | TPMA_OBJECT.SIGN_ENCRYPT
)
USES = 8
"""Of a TPM that allows three failed authorisations."""
SU_CLEAR = b"\x00\x00"


def use_key(tpm: Tpm) -> None:
    """Sign with a key that has an authorisation value, and to which the lockout applies."""
    template = TPM2B_PUBLIC.parse("ecc256:ecdsa-sha256", objectAttributes=PROTECTED)
    secret = TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(userAuth=b"secret"))
    handle, *_ = tpm.esapi.create_primary(secret, template)
    tpm.esapi.tr_set_auth(handle, b"secret")
    tpm.esapi.sign(handle, bytes(32), TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL))
    tpm.esapi.flush_context(handle)


def lockout_counter(tpm: Tpm) -> int:
    _, data = tpm.esapi.get_capability(TPM2_CAP.TPM_PROPERTIES, TPM2_PT.LOCKOUT_COUNTER, 1)
    return int(data.data.tpmProperties[0].value)


@pytest.mark.parametrize("orderly", [True, False], ids=["shutdown", "no-shutdown"])
@pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "ephemeral"])
def test_a_vm_that_crashes_again_and_again_can_still_use_its_keys(
    make_vtpm: MakeVtpm, persistent: bool, orderly: bool
) -> None:
    vtpm = make_vtpm(persistent=persistent)
    for _ in range(USES):
        with Tpm(vtpm) as tpm:
            tpm.startup()
            use_key(tpm)
            assert lockout_counter(tpm) == 0
            if orderly:
                commands.submit(vtpm, commands.command(commands.CC_SHUTDOWN, SU_CLEAR))
        vtpm.instance.reset()
