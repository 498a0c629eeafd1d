"""Without an engine that can be trusted the service stays off, and the gate in front of EL3 closes all the same."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.firmware import build
from hil.target.monitor import Monitor
from hil.target.vtpm import abi
from tests.target.monitor.emulated import QEMU, SocketStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60.0
NOT_SUPPORTED = 2**64 - 1
PSCI_VERSION, SYSTEM_OFF, SMCCC_VERSION = 0x8400_0000, 0x8400_0008, 0x8000_0000

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """The monitor above a firmware whose engine has another magic number."""
    if shutil.which(QEMU) is None:
        pytest.skip(f"needs {QEMU}")
    folder = tmp_path_factory.mktemp("flash")
    firmware = build("qemu-virt")
    flash = bytearray(firmware.path("flash.bin").read_bytes())
    start = flash.index(firmware.path("engine.bin").read_bytes()[:64])
    flash[start] ^= 1
    (folder / "flash.bin").write_bytes(flash)
    with board(folder) as line:
        monitor = Monitor(line)
        monitor.wait_ready(Deadline.after(SECONDS))
        assert "vTPM: service off: no engine image" in (folder / "firmware.log").read_text(errors="replace")
        yield monitor


@contextlib.contextmanager
def board(folder: Path) -> Iterator[SocketStream]:
    """Run the board of boards/qemu-virt.yaml from a folder's flash.bin, and yield the line of its monitor."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [QEMU, "-M", "virt,secure=on,virtualization=on,gic-version=3", "-smp", "4", "-m", "256M"]
        command += ["-cpu", "max,sve=off,sme=off,pauth-impdef=on", "-nodefaults", "-nographic"]
        command += ["-bios", str(folder / "flash.bin")]
        command += ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}", "-serial", "chardev:monitor"]
        command += ["-serial", f"file:{folder / 'firmware.log'}"]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        try:
            yield SocketStream(ours)
        finally:
            process.kill()
            process.wait(10)


def test_without_its_engine_the_service_answers_nobody(monitor: Monitor) -> None:
    agent = monitor.create_vm().agent()
    for fid in (abi.VTPM_FID_VERSION, abi.VTPM_FID_LIMITS, abi.VTPM_FID_CREATE, abi.VTPM_FID_DOORBELL):
        assert monitor.smc(fid, 1).x[0] == NOT_SUPPORTED
        assert agent.smc(fid, 1).x[0] == NOT_SUPPORTED


def test_without_its_engine_the_gate_is_closed_to_guests_and_open_to_the_hypervisor(monitor: Monitor) -> None:
    agent = monitor.create_vm().agent()
    assert agent.smc(PSCI_VERSION).x[0] & 0xFFFF_FFFF == 0xFFFF_FFFF
    assert agent.smc(SMCCC_VERSION).x[0] >= 0x1_0000
    assert monitor.smc(PSCI_VERSION).x[0] >= 0x1_0000


def test_without_its_engine_a_guest_cannot_switch_the_board_off(monitor: Monitor) -> None:
    agent = monitor.create_vm().agent()
    assert agent.smc(SYSTEM_OFF).x[0] & 0xFFFF_FFFF == 0xFFFF_FFFF
    assert monitor.smc(PSCI_VERSION).x[0] >= 0x1_0000
