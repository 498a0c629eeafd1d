"""Linux as KVM host above the service: it starts, finds what it needs, and is kept from what is not its own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import Login, PinnedHostKeys, Session, SshAuthFailed
from hil.deadline import Deadline

if TYPE_CHECKING:
    from pathlib import Path

    from hil.fixtures import Board
    from hil.linux import Host

pytestmark = pytest.mark.needs_linux

RESERVED = "/proc/device-tree/reserved-memory"
SECURE_SRAM = 0x0E00_0000
SECURE_POOL = 0x0E40_0000
KILLED_BY_BUS_ERROR = 128 + 7  # by a shell's convention: 128, and the number of the signal


@pytest.fixture
def queue_pool(host: Host) -> tuple[int, int]:
    """Address and size in bytes of the queue pool, as the firmware announces it in the device tree."""
    cells = int.from_bytes(host.run(f"cat '{RESERVED}/#address-cells'").stdout)
    found = host.run(f"cat {RESERVED}/vtpm-queues@*/reg").stdout
    return int.from_bytes(found[: 4 * cells]), int.from_bytes(found[4 * cells :])


@pytest.mark.cold_boot
def test_a_cold_boot_ends_with_an_ssh_server_that_lets_us_in(cold_board: Board) -> None:
    cold_board.transition("linux")
    assert cold_board.strategy.ssh.run_check("id -un") == ["root"]


def test_every_processor_starts_at_el2_with_kvm(host: Host) -> None:
    assert "CPU: All CPU(s) started at EL2" in host.run("dmesg").text
    host.run("test -c /dev/kvm")


def test_no_test_sees_the_files_of_another(board: Board) -> None:
    board.require("linux")
    board.fork_linux().run("touch /tmp/mine")
    board.fork_linux().run("test ! -e /tmp/mine")


def test_every_processor_still_has_its_timer_when_a_test_starts(board: Board) -> None:
    """A snapshot without it leaves processors that never wake up by themselves, and a kernel that waits for them."""
    board.require("linux")
    for _ in range(3):
        host = board.fork_linux()
        for processor in range(int(host.run("nproc").text)):
            host.run(f"exec taskset {1 << processor:x} sleep 0.1", deadline=Deadline.after(10))


def test_the_host_comes_back_from_a_reboot_as_a_new_boot(host: Host) -> None:
    before = host.run("cat /proc/sys/kernel/random/boot_id").text
    host.reboot()
    assert host.run("cat /proc/sys/kernel/random/boot_id").text != before


def test_nobody_gets_in_without_a_key(host: Host) -> None:
    with pytest.raises(SshAuthFailed):
        Session.open(host.session.endpoint, Login("root"), PinnedHostKeys(None), Deadline.after(20))


def test_files_go_there_and_come_back(host: Host, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1024
    (tmp_path / "there").write_bytes(content)
    host.put(tmp_path / "there", "/tmp/file")
    assert host.run("sha256sum /tmp/file").text.split()[0] == hashlib.sha256(content).hexdigest()
    assert host.get("/tmp/file", tmp_path / "back").read_bytes() == content


@pytest.mark.element("E5")
def test_linux_keeps_its_hands_off_the_queue_pool(host: Host, queue_pool: tuple[int, int]) -> None:
    start, size = queue_pool
    rows = [row.split(" : ") for row in host.run("cat /proc/iomem").text.splitlines()]
    ram = [tuple(int(end, 16) for end in row[0].split("-")) for row in rows if row[1] == "System RAM"]
    assert ram
    assert not [span for span in ram if span[0] < start + size and start <= span[1]]


@pytest.mark.element("E3")
@pytest.mark.fails_without("protected_secure_space")
@pytest.mark.parametrize(
    ("address", "node"), [(SECURE_SRAM, "atf"), (SECURE_POOL, "vtpm-space")], ids=["BL31", "instances"]
)
def test_root_on_the_host_reads_no_secure_memory(
    host: Host, queue_pool: tuple[int, int], address: int, node: str
) -> None:
    host.run(f"devmem {queue_pool[0]:#x}")  # what is not secure can be read in this way
    if reserved := host.run(f"cd {RESERVED}; echo {node}@*").text.removeprefix(f"{node}@").strip("*"):
        address = int(reserved, 16)  # not protected by the hardware, and so to be kept free
    refused = host.run(f"sh -c 'devmem {address:#x}; exit $?'", check=False)
    assert refused.status == KILLED_BY_BUS_ERROR, refused.stdout
