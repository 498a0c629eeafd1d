"""Unmodified Linux guests under KVM: each finds /dev/tpm0, and behind it an instance of its own at EL3."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.linux.tpmtools import IMA_LOG, attest, exchange, extend, extended, ima_digests, pcr
from hil.target.tpm import QuoteError, attestation_template, commands

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
COMMANDS = 200
PROCESSES = 4
SLOTS = 3
CC_READ_PUBLIC = 0x173
RC_OBJECT_MEMORY = 0x902
"""TPM 2.0 Library part 2, 6.5.2 and 6.6.3: no more slots for transient objects."""
LAST_TRANSIENT = 0x80FFFFFF
NONCE = b"a number used once"
NV_INDEX = 0x1500016


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
    assert pcr(guest, DEBUG_PCR) == bytes(32)
    for digest in digests:
        extend(guest, DEBUG_PCR, digest)
    assert pcr(guest, DEBUG_PCR) == extended(digests)


def test_kernel_measures_into_the_tpm(guest: Guest) -> None:
    assert "boot_aggregate" in guest.run(f"head -1 {IMA_LOG}").text
    assert pcr(guest, IMA_PCR) == extended(ima_digests(guest))


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


def test_quote_is_verified_without_the_guest(guest: Guest) -> None:
    extend(guest, DEBUG_PCR, hashlib.sha256(b"measured").digest())
    measured = {number: pcr(guest, number) for number in (0, IMA_PCR, DEBUG_PCR)}
    attestation = attest(guest, NONCE, measured)
    attestation.verify(NONCE, measured)
    for nonce, pcrs in ((b"another nonce", measured), (NONCE, measured | {DEBUG_PCR: bytes(32)})):
        with pytest.raises(QuoteError):
            attestation.verify(nonce, pcrs)


def test_value_in_nv_memory_stays_what_was_written(guest: Guest) -> None:
    guest.run(f"tpm2_nvdefine -Q {NV_INDEX} -C o -s 7 && tpm2_nvwrite -Q {NV_INDEX} -C o -i -", stdin=b"written")
    assert guest.run(f"tpm2_nvread {NV_INDEX} -C o").stdout == b"written"


def codes(responses: list[bytes]) -> list[int]:
    """Return the response codes: TPM 2.0 Library part 1, table 24."""
    return [int.from_bytes(response[6:10]) for response in responses]


def test_kernel_manages_more_objects_than_the_tpm_has_slots(guest: Guest) -> None:
    """Its resource manager gives handles of its own, from the last one downwards: drivers/char/tpm/tpm2-space.c."""
    create = commands.create_primary(attestation_template("ecc").marshal())
    read = [commands.command(CC_READ_PUBLIC, (LAST_TRANSIENT - number).to_bytes(4)) for number in range(2)]
    both = [(file, command) for command in (create, create, *read) for file in (3, 4)]
    assert codes(exchange(guest, "/dev/tpmrm0", *both)) == [commands.SUCCESS] * len(both)
    one = [(3, create)] * (SLOTS + 1)
    assert codes(exchange(guest, "/dev/tpm0", *one)) == [*[commands.SUCCESS] * SLOTS, RC_OBJECT_MEMORY]


def test_kernel_serves_several_processes_at_a_time(guest: Guest) -> None:
    key = "-C o -G ecc256:ecdsa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' -c key$i"
    one = f"tpm2_createprimary -Q {key} && echo $i >message$i && tpm2_sign -Q -c key$i -o signed$i message$i"
    guest.run(f"cd /tmp; for i in $(seq {PROCESSES}); do ({one}; echo $? >status$i) & done; wait")
    assert guest.run(f"cd /tmp; for i in $(seq {PROCESSES}); do cat status$i; done").lines == ["0"] * PROCESSES


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
