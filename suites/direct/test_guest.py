"""An unmodified Linux in a VM of the monitor: it finds its vTPM, and its SMCs go to EL3 without a trap."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.linux import GUEST_MAP, DirectGuest, GuestEnded, command_line
from hil.linux.tpmtools import attest, extend, extended, ima_digests, pcr
from hil.target.monitor import GuestState, MonitorRefused
from hil.target.tpm import QuoteError

if TYPE_CHECKING:
    from hil.fixtures import Board
    from hil.target.monitor import Monitor

pytestmark = pytest.mark.needs_guest_images

DEBUG_PCR = 16
IMA_PCR = 10
"""TCG PC Client Platform Firmware Profile, PCR usage."""
NONCE = b"a number used once"
SECURE_DRAM = 0x0E10_0000
TRAPPED_SMC = 0x17
"""ESR_EL2.EC, Arm ARM D19.2.37."""
COMMANDS = 200
SELF_TEST_TICKS = 20
"""Of the guest's 250 Hz timer; a full self-test takes several times as long."""


def random_numbers(guest: DirectGuest, count: int) -> bytes:
    """Return the responses, 28 bytes each, to so many TPM2_GetRandom(16), straight to the device."""
    command = r"\x80\x01\x00\x00\x00\x0c\x00\x00\x01\x7b\x00\x10"
    loop = f"for i in $(seq {count}); do printf '{command}' >&3; dd bs=4096 count=1 <&3 2>/dev/null; done"
    responses: bytes = guest.run(f"exec 3<>/dev/tpm0; {loop}").stdout
    return responses


def timer_ticks(guest: DirectGuest) -> int:
    """Return how many interrupts of its timer the guest has taken."""
    return int(guest.run("grep arch_timer /proc/interrupts").text.split()[1])


def test_stock_kernel_finds_its_tpm(direct_guest: DirectGuest) -> None:
    assert direct_guest.run("cat /sys/class/tpm/tpm0/tpm_version_major").text == "2"
    assert direct_guest.run("readlink /sys/class/tpm/tpm0/device/driver").text.endswith("/tpm_crb")
    assert direct_guest.run("ls /dev/tpm0 /dev/tpmrm0").lines == ["/dev/tpm0", "/dev/tpmrm0"]


def test_random_numbers_come_and_differ(direct_guest: DirectGuest) -> None:
    first, second = (direct_guest.run("tpm2_getrandom 32").stdout for _ in range(2))
    assert len(first) == len(second) == 32
    assert first != second


@pytest.mark.element("E8")
def test_commands_go_to_el3_without_a_trap(direct_guest: DirectGuest) -> None:
    """What traps here is the console on which the answer comes, and it is counted among all traps."""
    assert direct_guest.instance
    vm, commands = direct_guest.vm, direct_guest.instance.info().commands
    random_numbers(direct_guest, 1)
    before = vm.traps()
    responses = random_numbers(direct_guest, COMMANDS)
    assert len({responses[start : start + 28] for start in range(0, len(responses), 28)}) == COMMANDS
    assert direct_guest.instance.info().commands >= commands + COMMANDS
    assert vm.traps() - before < COMMANDS / 2
    assert TRAPPED_SMC not in vm.traps_by_class()


def test_smcs_that_are_trapped_are_counted(monitor: Monitor, board: Board) -> None:
    guest = DirectGuest.start(monitor, board.guest_images(), trap_smc=True)
    guest.wait_ready()
    assert guest.vm.traps_by_class()[TRAPPED_SMC] == guest.vm.smc_traps() > 0
    assert guest.run("ls /sys/class/tpm").text == ""


def test_guest_without_vtpm_has_no_tpm(monitor: Monitor, board: Board) -> None:
    guest = DirectGuest.start(monitor, board.guest_images(), vtpm=False)
    guest.wait_ready()
    assert guest.run("ls /sys/class/tpm").text == ""


def test_pcr_is_extended_as_the_specification_says(direct_guest: DirectGuest) -> None:
    digests = [hashlib.sha256(name).digest() for name in (b"one", b"two")]
    assert pcr(direct_guest, DEBUG_PCR) == bytes(32)
    for digest in digests:
        extend(direct_guest, DEBUG_PCR, digest)
    assert pcr(direct_guest, DEBUG_PCR) == extended(digests)


def test_kernel_measures_into_the_tpm(direct_guest: DirectGuest) -> None:
    measured = ima_digests(direct_guest)
    assert measured
    assert pcr(direct_guest, IMA_PCR) == extended(measured)


def test_quote_is_verified_far_from_the_guest(direct_guest: DirectGuest) -> None:
    extend(direct_guest, DEBUG_PCR, bytes(32))
    values = {number: pcr(direct_guest, number) for number in (IMA_PCR, DEBUG_PCR)}
    attestation = attest(direct_guest, NONCE, values)
    attestation.verify(NONCE, values)
    with pytest.raises(QuoteError):
        attestation.verify(NONCE, values | {DEBUG_PCR: bytes(32)})
    with pytest.raises(QuoteError):
        attestation.verify(NONCE[::-1], values)


def test_guest_takes_interrupts_while_its_tpm_tests_itself(direct_guest: DirectGuest) -> None:
    before = timer_ticks(direct_guest)
    direct_guest.run("tpm2_selftest -f")
    assert timer_ticks(direct_guest) - before > SELF_TEST_TICKS


def test_guest_cannot_reach_secure_memory(direct_guest: DirectGuest) -> None:
    assert direct_guest.run(f"devmem {GUEST_MAP['UART_ADDRESS']:#x}").status == 0
    assert direct_guest.run(f"devmem {SECURE_DRAM:#x}", check=False).status != 0
    assert direct_guest.run("echo alive").text == "alive"


@pytest.mark.parametrize(
    ("command", "state"), [("poweroff -f", GuestState.OFF), ("reboot -f", GuestState.RESTARTED)], ids=["off", "restart"]
)
def test_power_of_a_guest_is_not_the_boards(direct_guest: DirectGuest, command: str, state: GuestState) -> None:
    with pytest.raises(GuestEnded):
        direct_guest.run(command)
    assert direct_guest.console.state is state
    direct_guest.vm.destroy()
    assert direct_guest.monitor.create_vm().agent().read(0x4000_0000, 4)


def test_another_guest_starts_when_the_first_has_ended(direct_guest: DirectGuest, board: Board) -> None:
    monitor, images = direct_guest.monitor, board.guest_images()
    with pytest.raises(MonitorRefused, match="busy"):
        monitor.create_vm(ram_bytes=direct_guest.vm.ram_bytes // 4).boot(images.kernel, images.initrd, "quiet")
    direct_guest.stop()
    assert direct_guest.instance
    direct_guest.instance.destroy()
    direct_guest.vm.destroy()
    other = DirectGuest.start(monitor, images)
    other.wait_ready()
    assert pcr(other, DEBUG_PCR) == bytes(32)


def test_guest_that_computes_for_ever_is_stopped(direct_guest: DirectGuest) -> None:
    direct_guest.console.send(command_line("while :; do :; done"))
    direct_guest.stop()
    with pytest.raises(GuestEnded):
        direct_guest.run("true")
    assert direct_guest.console.state is GuestState.STOPPED
