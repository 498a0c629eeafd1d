"""Guests with an operating system, as far as the monitor is concerned: kernels of a few instructions."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout
from hil.target.monitor import GuestState, Loaded, MonitorRefused
from tests.target.monitor.emulated import emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.target.monitor import GuestLine, Monitor, VirtualMachine
    from tests.target.monitor.emulated import SocketStream

pytestmark = pytest.mark.emulator

SOURCE = Path(__file__).parent / "kernels" / "kernel.S"
KERNEL = 0x4F00_0000
INITRD = Loaded(0x4F80_0000, 0x1000)
RAM_BYTES = 0x80_0000
EXTERNAL_ABORT = "2510"
UNKNOWN_INSTRUCTION = "0000"


@pytest.fixture(scope="module", params=[3, 2], ids=["gicv3", "gicv2"])
def gic(request: pytest.FixtureRequest) -> int:
    """The version of the machine's interrupt controller."""
    version: int = request.param
    return version


@pytest.fixture(scope="module")
def console(gic: int, image: Path, image_for_gicv2: Path) -> Iterator[SocketStream]:
    """In place of the usual monitor: one for each kind of interrupt controller."""
    with emulator(image if gic == 3 else image_for_gicv2, gic=gic) as stream:
        yield stream


@pytest.fixture
def load(monitor: Monitor, tmp_path: Path) -> Callable[[str], Loaded]:
    """Return a function that assembles a kernel and puts it into memory."""

    def load(name: str) -> Loaded:
        elf, image = tmp_path / "kernel.elf", tmp_path / "kernel.bin"
        tool = "aarch64-linux-gnu-"
        subprocess.run([f"{tool}gcc", "-c", f"-D{name}", SOURCE, "-o", elf], check=True, timeout=60)
        subprocess.run([f"{tool}objcopy", "-O", "binary", elf, image], check=True, timeout=60)
        content = image.read_bytes()
        monitor.write(KERNEL, content)
        return Loaded(KERNEL, len(content))

    return load


@pytest.fixture
def linux_vm(monitor: Monitor) -> Iterator[VirtualMachine]:
    """A VM for one such guest."""
    vm = monitor.create_vm(ram_bytes=RAM_BYTES)
    yield vm
    vm.destroy()


def last_words(line: GuestLine) -> str:
    """Wait for the guest's end and return what it said on its early console."""
    with pytest.raises(ConsoleClosed):
        line.receive(Deadline.after(30))
    return "".join(line.tail())


def test_kernel_starts_as_the_first_processor_and_switches_itself_off(
    linux_vm: VirtualMachine, load: Callable[[str], Loaded]
) -> None:
    line = linux_vm.boot(load("SPEAK"), INITRD, "quiet")
    assert last_words(line) == "hi00"
    assert line.state is GuestState.OFF


def test_restart_is_told_from_switching_off(linux_vm: VirtualMachine, load: Callable[[str], Loaded]) -> None:
    line = linux_vm.boot(load("RESTART"), INITRD, "quiet")
    assert last_words(line) == ""
    assert line.state is GuestState.RESTARTED


def test_access_to_where_nothing_is_looks_like_an_empty_bus(
    linux_vm: VirtualMachine, load: Callable[[str], Loaded]
) -> None:
    assert last_words(linux_vm.boot(load("REACH"), INITRD, "quiet")) == EXTERNAL_ABORT


def test_register_that_is_not_the_guests_is_undefined_to_it(
    linux_vm: VirtualMachine, load: Callable[[str], Loaded]
) -> None:
    assert last_words(linux_vm.boot(load("FORBIDDEN"), INITRD, "quiet")) == UNKNOWN_INSTRUCTION


def test_guest_has_no_other_processor_to_switch_on(linux_vm: VirtualMachine, load: Callable[[str], Loaded]) -> None:
    assert last_words(linux_vm.boot(load("CPU_ON"), INITRD, "quiet")) == "ff"


def test_interrupts_are_pending_active_and_pending_again(
    linux_vm: VirtualMachine, load: Callable[[str], Loaded], gic: int
) -> None:
    """None (1023), SGI 3, SGI 3 that came while it was active, the virtual timer's 27."""
    assert last_words(linux_vm.boot(load(f"INTERRUPTS_V{gic}"), INITRD, "quiet")) == "ff03031b"


def test_guest_that_sleeps_for_ever_is_stopped(linux_vm: VirtualMachine, load: Callable[[str], Loaded]) -> None:
    line = linux_vm.boot(load("SLEEP"), INITRD, "quiet")
    with pytest.raises(ConsoleTimeout):
        line.receive(Deadline.after(0.1))
    with pytest.raises(MonitorRefused, match="busy"):
        linux_vm.destroy()
    line.stop()
    assert last_words(line) == ""
    assert line.state is GuestState.STOPPED


def test_console_that_nobody_reads_is_full_in_the_end(
    linux_vm: VirtualMachine, load: Callable[[str], Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.target.monitor.guestline._SEND_SECONDS", 0.5)
    line = linux_vm.boot(load("SLEEP"), INITRD, "quiet")
    with pytest.raises(ConsoleTimeout, match="does not read"):
        line.send(bytes(0x20000))
    line.stop()


def test_vm_has_agents_or_a_kernel(linux_vm: VirtualMachine, load: Callable[[str], Loaded]) -> None:
    assert linux_vm.agent().read(linux_vm.ram_ipa, 4)
    line = linux_vm.boot(load("SPEAK"), INITRD, "quiet")
    last_words(line)
    with pytest.raises(MonitorRefused, match="agent"):
        linux_vm.agent().read(linux_vm.ram_ipa, 4)


def test_there_is_one_kernel_at_a_time(monitor: Monitor, load: Callable[[str], Loaded]) -> None:
    kernel = load("SLEEP")
    one, other = (monitor.create_vm(ram_bytes=RAM_BYTES) for _ in range(2))
    line = one.boot(kernel, INITRD, "quiet")
    with pytest.raises(MonitorRefused, match="busy"):
        other.boot(kernel, INITRD, "quiet")
    line.stop()
    one.destroy()
    assert last_words(other.boot(load("SPEAK"), INITRD, "quiet")) == "hi00"
    other.destroy()


def test_what_cannot_be_booted_is_refused(
    linux_vm: VirtualMachine, monitor: Monitor, load: Callable[[str], Loaded]
) -> None:
    kernel = load("SPEAK")
    with pytest.raises(MonitorRefused, match="no kernel"):
        linux_vm.boot(INITRD, INITRD, "quiet")
    with pytest.raises(MonitorRefused, match="no kernel"):
        linux_vm.boot(Loaded(kernel.address, 32), INITRD, "quiet")
    with pytest.raises(MonitorRefused, match="too small"):
        linux_vm.boot(kernel, Loaded(INITRD.address, RAM_BYTES), "quiet")
    with pytest.raises(MonitorRefused, match="too small"):
        linux_vm.boot(load("TOO_LARGE"), INITRD, "quiet")
    with pytest.raises(MonitorRefused, match="too long"):
        linux_vm.boot(kernel, INITRD, "quiet " * 1000)
    with pytest.raises(MonitorRefused, match="idle"):
        linux_vm.guest_line().receive(Deadline.after(1))
    two = monitor.create_vm(ram_bytes=RAM_BYTES, vcpus=2)
    with pytest.raises(MonitorRefused, match="one vCPU"):
        two.boot(kernel, INITRD, "quiet")
    two.destroy()
