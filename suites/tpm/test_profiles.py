"""A VM gets the TPM that its requirements describe."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import TSS2_Exception

from hil.target.tpm import Tpm
from hil.target.vtpm import abi

if TYPE_CHECKING:
    from hil.fixtures import MakeVtpm
    from hil.target.vtpm import GuestQueue

pytestmark = pytest.mark.element("E2")

NV_INDEX = 0x0150_0001
DIGEST = hashlib.sha256(b"measured").digest()


@pytest.mark.parametrize(
    ("profile", "banks"), [(abi.VTPM_PROFILE_SHA256, {"sha256"}), (abi.VTPM_PROFILE_SHA384, {"sha384"})]
)
def test_a_profile_decides_the_pcr_banks(make_vtpm: MakeVtpm, profile: int, banks: set[str]) -> None:
    with Tpm(make_vtpm(profile=profile)) as tpm:
        tpm.startup()
        assert set(tpm.banks()) == banks


def test_the_default_profile_has_every_bank(tpm: Tpm) -> None:
    assert {"sha1", "sha256", "sha384", "sha512"} <= set(tpm.banks())


def test_the_sha384_profile_extends_its_bank(make_vtpm: MakeVtpm) -> None:
    digest = hashlib.sha384(b"measured").digest()
    with Tpm(make_vtpm(profile=abi.VTPM_PROFILE_SHA384)) as tpm:
        tpm.startup()
        tpm.extend(3, digest, "sha384")
        assert tpm.pcr(3, "sha384") == hashlib.sha384(bytes(48) + digest).digest()


@pytest.mark.usefixtures("monitor")
def test_reset_of_a_persistent_tpm_clears_pcrs_and_keeps_memory_and_keys(
    make_vtpm: MakeVtpm,
) -> None:
    vtpm = make_vtpm(persistent=True)
    before = _used(vtpm)
    vtpm.instance.reset()
    with Tpm(vtpm) as tpm:
        with pytest.raises(TSS2_Exception):
            tpm.random(8)
        tpm.startup()
        assert tpm.pcr(7) == bytes(32)
        assert tpm.nv_read(tpm.nv_open(NV_INDEX), len(DIGEST)) == DIGEST
        with tpm.storage_key() as key:
            assert key.public.to_pem() == before


def test_reset_of_an_ephemeral_tpm_leaves_nothing_of_the_old_one(make_vtpm: MakeVtpm) -> None:
    vtpm = make_vtpm(persistent=False)
    before = _used(vtpm)
    vtpm.instance.reset()
    with Tpm(vtpm) as tpm:
        tpm.startup()
        assert tpm.pcr(7) == bytes(32)
        with pytest.raises(TSS2_Exception):
            tpm.nv_open(NV_INDEX)
        with tpm.storage_key() as key:
            assert key.public.to_pem() != before


def _used(vtpm: GuestQueue) -> bytes:
    """Leave traces in PCRs and NV memory; returns the storage key's public half."""
    with Tpm(vtpm) as tpm:
        tpm.startup()
        tpm.extend(7, DIGEST)
        tpm.nv_write(tpm.nv_define(NV_INDEX, len(DIGEST)), DIGEST)
        with tpm.storage_key() as key:
            return bytes(key.public.to_pem())
