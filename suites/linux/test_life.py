"""The life of guests and their vTPMs: made as required, started again, and ended in every way there is."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from hil.board.ssh import CommandFailed, CommandTimeout, SshSilent
from hil.deadline import Deadline
from hil.errors import UnexpectedReboot
from hil.linux import Guest, GuestEnded, GuestHang, GuestPanic, GuestRestarted, WantedVtpm
from hil.linux.device import DeviceError, DeviceUser
from hil.linux.tpmtools import extend, extended, pcr
from hil.target.vtpm import abi

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import Board
    from hil.linux import Host

    from .conftest import Listed

pytestmark = pytest.mark.needs_linux

DEBUG_PCR = 16
NV_INDEX = 0x1500016
NAME = UUID("6b6e6f77-6e20-746f-206f-6e6520564d4d")
OTHER_NAME = UUID("6b6e6f77-6e20-746f-206f-6e6520564d4e")
CRASHES = 5
"""More than the three failed authorisations after which a TPM locks."""
PERSISTENT = WantedVtpm(abi.VTPM_REQUIRE_PERSISTENT)
ENDED_BY_SIGTERM = 128 + 15
ENDED_BY_SIGKILL = 128 + 9
"""What the VMM leaves as its status, as a shell would."""
FOREVER = "sleep 100000"
SHORT = 3.0
TIMEOUT = 120.0


def leave_traces(guest: Guest) -> None:
    """Change what a reset of the TPM clears, and what it keeps."""
    extend(guest, DEBUG_PCR, bytes(32))
    guest.run(f"tpm2_nvdefine -Q {NV_INDEX} -C o -s 4 && tpm2_nvwrite -Q {NV_INDEX} -C o -i -", stdin=b"kept")


def restart(guest: Guest) -> None:
    with pytest.raises(GuestRestarted):
        guest.run("reboot -f")


@pytest.mark.element("E2")
def test_a_vm_has_as_many_instances_as_it_wants_each_with_its_own_queue(
    make_guest: Callable[..., Guest], listed: Callable[[], list[Listed]]
) -> None:
    vtpms = [WantedVtpm(), WantedVtpm(abi.VTPM_PROFILE_SHA256, slots=15), WantedVtpm(abi.VTPM_PROFILE_SHA384, slots=7)]
    guest = make_guest(vtpms=vtpms)
    found = listed()
    assert len({instance.vm for instance in found}) == 1
    assert {(instance.requirements, instance.queue_bytes) for instance in found} == {
        (wanted.requirements, (1 + wanted.slots) * abi.VTPM_PAGE_BYTES) for wanted in vtpms
    }
    for one, following in itertools.pairwise(found):
        assert one.queue_pa + one.queue_bytes <= following.queue_pa
    assert [instance.commands > 0 for instance in found if instance.requirements == 0] == [True]
    guest.signal("KILL")
    assert guest.wait_ended() == ENDED_BY_SIGKILL
    assert listed() == []


@pytest.mark.element("E2")
def test_a_guest_has_the_pcr_banks_that_were_required(make_guest: Callable[..., Guest]) -> None:
    guest = make_guest(vtpms=[WantedVtpm(abi.VTPM_PROFILE_SHA384)])
    banks = guest.run("tpm2_getcap pcrs").lines
    assert [line.split(":")[0].strip(" -") for line in banks[1:] if "[ ]" not in line] == ["sha384"]


def fill(user: DeviceUser, slots: int) -> None:
    """Create instances with so many slots, each for a VM of its own, until there is no space."""
    with suppress(DeviceError):
        while True:
            user.open().create(slots=slots)


@pytest.mark.element("E2")
def test_a_limit_that_is_reached_is_said_by_name(host: Host) -> None:
    with DeviceUser(host) as user:
        fill(user, abi.VTPM_MAX_SLOTS)
        fill(user, 1)
        with pytest.raises(CommandFailed, match="creating vTPM 0: ENOSPC"):
            Guest.start(host)


def test_a_persistent_vtpm_is_reset_with_its_guest_and_keeps_what_is_permanent(
    host: Host, make_guest: Callable[..., Guest]
) -> None:
    guest = make_guest(vtpms=[PERSISTENT], uuid=NAME)
    leave_traces(guest)
    assert pcr(guest, DEBUG_PCR) == extended([bytes(32)])
    restart(guest)
    again = make_guest(vtpms=[PERSISTENT], uuid=NAME)
    assert pcr(again, DEBUG_PCR) == bytes(32)
    assert again.run(f"tpm2_nvread {NV_INDEX} -C o").stdout == b"kept"
    with pytest.raises(CommandFailed, match="naming the VM: EBUSY"):
        Guest.start(host, vtpms=[PERSISTENT], uuid=NAME)


def test_a_guest_whose_vmm_is_killed_again_and_again_can_still_use_its_keys(make_guest: Callable[..., Guest]) -> None:
    attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"
    use = (
        f"tpm2_createprimary -Q -C o -G ecc256:ecdsa-sha256:null -a '{attributes}' -p secret -c /tmp/key &&"
        " echo measured >/tmp/message && tpm2_sign -Q -c /tmp/key -p secret -g sha256 -o /tmp/signature /tmp/message &&"
        " tpm2_getcap properties-variable | grep LOCKOUT_COUNTER"
    )
    for _ in range(CRASHES):
        guest = make_guest("crashes", vtpms=[PERSISTENT], uuid=OTHER_NAME)
        assert guest.run(use).text.split()[-1] == "0x0"
        guest.signal("KILL")
        assert guest.wait_ended() == ENDED_BY_SIGKILL


def test_an_ephemeral_vtpm_is_a_new_one_when_its_guest_starts_again(make_guest: Callable[..., Guest]) -> None:
    guest = make_guest("mine")
    leave_traces(guest)
    restart(guest)
    again = make_guest("mine")
    assert pcr(again, DEBUG_PCR) == bytes(32)
    assert again.run(f"tpm2_nvread {NV_INDEX} -C o", check=False).status != 0


def test_a_guest_that_switches_itself_off_ends_its_vmm(guest: Guest, listed: Callable[[], list[Listed]]) -> None:
    with pytest.raises(GuestEnded):
        guest.run("poweroff -f")
    assert guest.wait_ended() == 0
    assert len(listed()) == 1


def test_a_guest_that_restarts_unexpectedly_is_a_finding_about_it(host: Host, guest: Guest) -> None:
    with pytest.raises(GuestRestarted):
        guest.run(f"reboot -f; {FOREVER}")
    host.run("true")


def test_a_guest_whose_kernel_panics_is_a_finding_with_its_last_words(
    guest: Guest, listed: Callable[[], list[Listed]]
) -> None:
    with pytest.raises(GuestPanic, match="sysrq triggered crash"):
        guest.run(f"echo c >/proc/sysrq-trigger; {FOREVER}")
    assert len(listed()) == 1


def test_a_guest_that_hangs_is_a_finding_about_it(host: Host, guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.linux.commandloop.ALIVE_SECONDS", SHORT)
    guest.signal("STOP")
    with pytest.raises(GuestHang, match="the threads of its VMM: stopped"):
        guest.run("true", deadline=Deadline.after(SHORT))
    host.run("true")
    guest.signal("CONT")
    guest.run("true")


def test_a_command_that_does_not_end_is_told_from_a_guest_that_hangs(guest: Guest) -> None:
    with pytest.raises(CommandTimeout, match="which is alive"):
        guest.run("sleep 3", deadline=Deadline.after(0.5))
    guest.run("true")


def test_a_guest_that_does_not_come_up_is_a_finding_about_it(host: Host) -> None:
    guest = Guest.start(host, arguments="rdinit=/bin/sleep -- 100000")
    with pytest.raises(GuestHang):
        guest.wait_ready(Deadline.after(SHORT))
    guest.stop()


@pytest.mark.parametrize(("signal", "status"), [("TERM", ENDED_BY_SIGTERM), ("KILL", ENDED_BY_SIGKILL)])
def test_a_vmm_that_is_ended_takes_its_instance_with_it(
    two_guests: tuple[Guest, ...], listed: Callable[[], list[Listed]], signal: str, status: int
) -> None:
    before = listed()
    assert len(before) == 2
    two_guests[0].signal(signal)
    assert two_guests[0].wait_ended() == status
    (left,) = listed()
    assert left.queue_pa in {instance.queue_pa for instance in before}
    assert pcr(two_guests[1], DEBUG_PCR) == bytes(32)


def test_a_host_that_restarts_unexpectedly_ends_what_its_guests_do(host: Host, guest: Guest) -> None:
    host.start("reboot -f", stdin=b"")
    with pytest.raises(UnexpectedReboot):
        guest.run(FOREVER, deadline=Deadline.after(TIMEOUT))


@pytest.mark.needs_snapshots
def test_a_host_that_hangs_is_silent(board: Board, guest: Guest) -> None:
    board.strategy.board.monitor_command("stop")
    with pytest.raises(SshSilent):
        guest.run("true", deadline=Deadline.after(SHORT))


def test_a_host_that_was_restarted_has_no_instance_of_before(host: Host) -> None:
    with DeviceUser(host) as user:
        fill(user, abi.VTPM_MAX_SLOTS)
        host.reboot()
    with DeviceUser(host) as user:
        assert user.open().create(slots=abi.VTPM_MAX_SLOTS).control_page().tail == 0
