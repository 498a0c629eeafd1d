"""Unmodified Linux guests under KVM: each finds /dev/tpm0, and behind it an instance of its own at EL3."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.linux import GuestEnded
from hil.linux.device import DeviceError, DeviceUser
from hil.vtpm import abi

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.linux import Guest, Host

pytestmark = pytest.mark.needs_linux

DEBUG_PCR = 16
IMA_PCR = 10
"""TCG PC Client Platform Firmware Profile, PCR usage."""
ENDED_BY_SIGTERM = 128 + 15
"""What the VMM leaves as its status, as a shell would."""
RESTARTED = 2
NAME_BYTES = 2 + 32
"""Of an object whose name algorithm is SHA-256: TPM 2.0 Library part 1, 16."""
COMMANDS = 200


def pcr(guest: Guest, number: int) -> str:
    """Return the guest's SHA-256 PCR, in hexadecimal."""
    text: str = guest.run(f"tpm2_pcrread sha256:{number}").text
    return text.rpartition("0x")[2].strip().lower()


def extend(guest: Guest, number: int, digest: bytes) -> None:
    guest.run(f"tpm2_pcrextend {number}:sha256={digest.hex()}")


def extended(*digests: bytes) -> str:
    """Return what a PCR becomes by these digests, from zero: TPM 2.0 Library part 1, 17.2."""
    value = bytes(32)
    for digest in digests:
        value = hashlib.sha256(value + digest).digest()
    return value.hex()


def test_stock_kernel_finds_its_tpm(guest: Guest) -> None:
    assert guest.run("cat /sys/class/tpm/tpm0/tpm_version_major").text == "2"
    assert guest.run("readlink /sys/class/tpm/tpm0/device/driver").text.endswith("/tpm_crb")
    assert guest.run("ls /dev/tpm0 /dev/tpmrm0").lines == ["/dev/tpm0", "/dev/tpmrm0"]


def test_guest_without_vtpm_has_no_tpm(make_guest: Callable[..., Guest]) -> None:
    guest = make_guest(vtpms=())
    assert guest.run("ls /sys/class/tpm").text == ""


def test_random_numbers_come_and_differ(guest: Guest) -> None:
    first, second = (guest.run("tpm2_getrandom 32").stdout for _ in range(2))
    assert len(first) == len(second) == 32
    assert first != second


def test_pcr_is_extended_as_the_specification_says(guest: Guest) -> None:
    digests = [hashlib.sha256(name).digest() for name in (b"one", b"two")]
    assert pcr(guest, DEBUG_PCR) == bytes(32).hex()
    for digest in digests:
        extend(guest, DEBUG_PCR, digest)
    assert pcr(guest, DEBUG_PCR) == extended(*digests)


def test_kernel_measures_into_the_tpm(guest: Guest) -> None:
    log = guest.run("cat /sys/kernel/security/ima/ascii_runtime_measurements_sha256").lines
    assert "boot_aggregate" in log[0]
    assert pcr(guest, IMA_PCR) == extended(*(bytes.fromhex(line.split()[1]) for line in log))


def test_signature_of_a_key_in_the_tpm_is_checked(guest: Guest) -> None:
    guest.run(
        "cd /tmp && echo message >message && tpm2_createprimary -Q -C o -G ecc -c primary &&"
        " tpm2_create -Q -C primary -G ecc -u public -r private &&"
        " tpm2_load -Q -C primary -u public -r private -c key && tpm2_sign -Q -c key -g sha256 -o signature message"
    )
    verify = "cd /tmp && tpm2_verifysignature -c key -g sha256 -s signature -m"
    guest.run(f"{verify} message")
    assert guest.run(f"echo other >other && {verify} other", check=False).status != 0


def test_secret_is_unsealed_only_while_the_pcr_is_as_it_was(guest: Guest) -> None:
    guest.run(
        "cd /tmp && tpm2_createprimary -Q -C o -G ecc -c primary && tpm2_createpolicy -Q --policy-pcr"
        f" -l sha256:{DEBUG_PCR} -L policy && tpm2_create -Q -C primary -L policy -i - -u public -r private &&"
        " tpm2_load -Q -C primary -u public -r private -c sealed",
        stdin=b"secret",
    )
    unseal = f"cd /tmp && tpm2_unseal -c sealed -p pcr:sha256:{DEBUG_PCR}"
    assert guest.run(unseal).stdout == b"secret"
    extend(guest, DEBUG_PCR, bytes(32))
    assert guest.run(unseal, check=False).status != 0


def random_numbers(guest: Guest, count: int) -> bytes:
    """Return the responses, 28 bytes each, to so many TPM2_GetRandom(16), straight to the device."""
    command = r"\x80\x01\x00\x00\x00\x0c\x00\x00\x01\x7b\x00\x10"
    loop = f"for i in $(seq {count}); do printf '{command}' >&3; dd bs=4096 count=1 <&3 2>/dev/null; done"
    responses: bytes = guest.run(f"exec 3<>/dev/tpm0; {loop}", deadline=Deadline.after(120)).stdout
    return responses


def accesses(host: Host) -> int:
    """Return how often KVM has handed an access to a device to the VMM."""
    return int(host.run("cat /sys/kernel/debug/kvm/mmio_exit_user").text)


def test_a_command_makes_no_access_to_a_device(guest: Guest, host: Host) -> None:
    """Registers and buffers are memory; what is counted here is the console on which the answer comes."""
    host.run("mount -t debugfs debugfs /sys/kernel/debug")
    random_numbers(guest, 1)
    before = accesses(host)
    random_numbers(guest, COMMANDS)
    assert accesses(host) - before < COMMANDS


def test_many_commands_in_a_row_all_answer(guest: Guest) -> None:
    answers = random_numbers(guest, 1000)
    responses = {answers[start : start + 28] for start in range(0, len(answers), 28)}
    assert len(responses) == 1000
    assert {response[:12] for response in responses} == {bytes.fromhex("8001 0000001c 00000000 0010")}


def test_guests_have_tpms_of_their_own(make_guest: Callable[..., Guest]) -> None:
    one, other = make_guest(), make_guest()
    extend(one, DEBUG_PCR, bytes(32))
    assert pcr(one, DEBUG_PCR) == extended(bytes(32))
    assert pcr(other, DEBUG_PCR) == bytes(32).hex()
    primary = "cd /tmp && tpm2_createprimary -Q -C e -G ecc -c primary && tpm2_readpublic -Q -c primary -n name"
    names = [guest.run(f"{primary} && cat name").stdout for guest in (one, other)]
    assert len(names[0]) == len(names[1]) == NAME_BYTES
    assert names[0] != names[1]


def test_vmm_ends_with_its_guest(guest: Guest) -> None:
    with pytest.raises(GuestEnded):
        guest.run("poweroff -f")
    assert guest.wait_ended() == 0


def test_vmm_says_that_the_guest_restarted(guest: Guest) -> None:
    with pytest.raises(GuestEnded):
        guest.run("reboot -f")
    assert guest.wait_ended() == RESTARTED


def test_vmm_ends_on_sigterm(guest: Guest) -> None:
    guest.signal("TERM")
    assert guest.wait_ended() == ENDED_BY_SIGTERM


def capacity(host: Host) -> int:
    """Return how many instances can be created on the host now, one for each VM."""
    count = 0
    with DeviceUser(host) as user, suppress(DeviceError):
        while True:
            user.open().create(slots=abi.VTPM_MAX_SLOTS)
            count += 1
    return count


def test_killed_vmm_leaves_no_instance(make_guest: Callable[..., Guest], host: Host) -> None:
    empty = capacity(host)
    guest = make_guest()
    assert capacity(host) == empty - 1
    guest.signal("KILL")
    with pytest.raises(GuestEnded):
        guest.run("true")
    assert capacity(host) == empty
