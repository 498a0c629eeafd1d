"""Fixtures: the monitor of this checkout on an emulator, one per test module."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.headers import firmware_header
from hil.target.monitor import Monitor
from tests.target.monitor.emulated import QEMU, emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.target.monitor import Runner, VirtualMachine
    from tests.target.monitor.emulated import SocketStream


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The monitor, built from this checkout."""
    return build(tmp_path_factory.mktemp("monitor"), "qemu-virt")


@pytest.fixture(scope="session")
def image_for_gicv2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for a machine with a GICv2."""
    platform = Path(__file__).parent / "platforms" / "virt-gicv2"
    platforms = firmware_header("monitor/platform")
    return build(tmp_path_factory.mktemp("monitor"), os.path.relpath(platform, platforms))


def build(out: Path, platform: str) -> Path:
    if shutil.which(QEMU) is None or shutil.which("aarch64-linux-gnu-gcc") is None:
        pytest.skip(f"needs {QEMU} and aarch64-linux-gnu-gcc")
    make = ["make", "-s", "-C", str(firmware_header("monitor")), f"OUT={out}", f"PLATFORM={platform}"]
    done = subprocess.run(make, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return out / "monitor.bin"


@pytest.fixture(scope="module")
def console(image: Path) -> Iterator[SocketStream]:
    with emulator(image) as stream:
        yield stream


@pytest.fixture(scope="module")
def monitor(console: SocketStream) -> Monitor:
    monitor = Monitor(console)
    monitor.wait_ready(Deadline.after(30))
    return monitor


@pytest.fixture
def vm(monitor: Monitor) -> Iterator[VirtualMachine]:
    """A VM with three vCPUs."""
    vm = monitor.create_vm(vcpus=3)
    yield vm
    vm.destroy()


@pytest.fixture(params=["EL2", "EL1"])
def runner(request: pytest.FixtureRequest, monitor: Monitor, vm: VirtualMachine) -> Runner:
    """An interpreter, at either level."""
    return monitor if request.param == "EL2" else vm.agent()
