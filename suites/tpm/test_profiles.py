"""A VM gets the TPM that its requirements describe."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import TSS2_Exception

from hil.target.tpm import Tpm, commands
from hil.target.vtpm import abi

if TYPE_CHECKING:
    from hil.fixtures import MakeManagedVtpm, MakeVtpm
    from hil.target.vtpm import GuestQueue

pytestmark = pytest.mark.element("E2")

NV_INDEX = 0x0150_0001
# TPM 2.0 Library part 2: tables 9 (algorithms), 12 (commands), 16 (response codes), 28 (handles).
SHA1, SHA256, SHA384 = 0x0004, 0x000B, 0x000C
CC_HIERARCHY_CONTROL, CC_PCR_ALLOCATE = 0x121, 0x12B
RC_COMMAND_CODE, RC_HIERARCHY, RC_FIRST_HANDLE = 0x143, 0x085, 0x100
RH_PLATFORM = 0x4000_000C
DIGEST = hashlib.sha256(b"measured").digest()


@pytest.mark.parametrize(
    ("profile", "banks"), [(abi.VTPM_PROFILE_SHA256, {"sha256"}), (abi.VTPM_PROFILE_SHA384, {"sha384"})]
)
def test_a_profile_decides_the_pcr_banks(make_vtpm: MakeVtpm, profile: int, banks: set[str]) -> None:
    with Tpm(make_vtpm(profile=profile)) as tpm:
        tpm.startup()
        assert set(tpm.banks()) == banks


def allocate(*banks: int) -> bytes:
    """TPM2_PCR_Allocate of these banks, and of no other; part 3, section 22.5."""
    selections = b"".join(
        struct.pack(">HB", bank, 3) + (b"\xff" if bank in banks else b"\0") * 3 for bank in (SHA1, SHA256, SHA384)
    )
    return commands.with_password(CC_PCR_ALLOCATE, RH_PLATFORM, struct.pack(">I", 3) + selections)


@pytest.mark.parametrize(("profile", "banks"), [(abi.VTPM_PROFILE_SHA256, {"sha256"})])
@pytest.mark.parametrize("persistent", [False, True], ids=["ephemeral", "persistent"])
@pytest.mark.usefixtures("monitor")
def test_a_guest_cannot_undo_its_profile(
    make_vtpm: MakeManagedVtpm, profile: int, banks: set[str], persistent: bool
) -> None:
    """TPM2_PCR_Allocate takes effect at the next reset."""
    vtpm = make_vtpm(profile=profile, persistent=persistent)
    assert commands.submit(vtpm, commands.startup()).code == commands.SUCCESS
    assert commands.submit(vtpm, allocate(SHA1, SHA256)).code == RC_COMMAND_CODE
    vtpm.instance.reset()
    with Tpm(vtpm) as tpm:
        tpm.startup()
        assert set(tpm.banks()) == banks


@pytest.mark.usefixtures("monitor")
def test_a_guest_of_the_default_profile_chooses_its_banks(make_vtpm: MakeManagedVtpm) -> None:
    vtpm = make_vtpm(persistent=True)
    assert commands.submit(vtpm, commands.startup()).code == commands.SUCCESS
    assert commands.submit(vtpm, allocate(SHA256)).code == commands.SUCCESS
    vtpm.instance.reset()
    with Tpm(vtpm) as tpm:
        tpm.startup()
        assert "sha1" not in tpm.banks()
        assert "sha256" in tpm.banks()


def enable_platform() -> bytes:
    """TPM2_HierarchyControl; part 3, section 24.2."""
    return commands.with_password(CC_HIERARCHY_CONTROL, RH_PLATFORM, struct.pack(">IB", RH_PLATFORM, 1))


@pytest.mark.usefixtures("monitor")
def test_a_closed_platform_hierarchy_stays_closed(make_vtpm: MakeManagedVtpm) -> None:
    """The guest does not get it by any kind of start, nor by a command."""
    vtpm = make_vtpm(persistent=True, platform_closed=True)
    for state in (False, True, False):
        assert commands.submit(vtpm, commands.startup(state=state)).code == commands.SUCCESS
        for command in (allocate(SHA256), enable_platform()):
            assert commands.submit(vtpm, command).code & ~RC_FIRST_HANDLE == RC_HIERARCHY
        assert commands.submit(vtpm, commands.get_random(8)).code == commands.SUCCESS
        assert commands.submit(vtpm, commands.command(commands.CC_SHUTDOWN, b"\0\1")).code == commands.SUCCESS
        vtpm.instance.reset()


def test_the_platform_hierarchy_is_open_unless_it_is_to_be_closed(vtpm: GuestQueue) -> None:
    """A guest's own firmware uses it, and closes it."""
    assert commands.submit(vtpm, commands.startup()).code == commands.SUCCESS
    assert commands.submit(vtpm, enable_platform()).code == commands.SUCCESS


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
