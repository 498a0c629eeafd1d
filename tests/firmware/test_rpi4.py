"""What BL31 of a Raspberry Pi 4 does when the VideoCore has not loaded what it should have."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.firmware import build
from hil.headers import firmware_header
from hil.target.monitor import Monitor
from hil.target.vtpm import Service, ServiceError, Status, abi
from tests.firmware.rpi4 import ENGINE, KERNEL, SECONDS, TREE, board, read_until, stub_as_loaded, write_and_jump
from tests.target.monitor.emulated import QEMU

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.firmware import Firmware

    Pi = Callable[..., dict[int, Path]]

NOT_SUPPORTED = 2**64 - 1
SEED = bytes(range(64))
SLOT = 0x20_0000

# BCM2711 ARM Peripherals, 5.2: three bits for each of GPIO 10 to 19. ALT0 of GPIO 14 and 15 is the PL011.
GPFSEL1 = 0xFE20_0004
PL011_ON_THE_PINS, MINI_UART_ON_THE_PINS = (function << 12 | function << 15 for function in (4, 2))
OTHER_PINS = 0o1 << 6
BEFORE = 0x600_0000
"""Where a test puts code that runs before the monitor."""
PL011 = 0xFE20_1000


@pytest.fixture(scope="module")
def firmware() -> Firmware:
    if shutil.which(QEMU) is None:
        pytest.skip(f"needs {QEMU}")
    return build("rpi4")


def tool(*words: str | Path) -> str:
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture
def pi(firmware: Firmware, tmp_path: Path) -> Pi:
    """What is in memory when the processors start; `chosen` are properties of that node, as fdtput takes them."""

    def loads(engine: bytes | None = None, chosen: tuple[tuple[str, ...], ...] = (), at: int = TREE) -> dict[int, Path]:
        stub, image, tree = tmp_path / "stub", tmp_path / "engine", tmp_path / "tree"
        stub.write_bytes(stub_as_loaded(firmware.path("armstub.bin").read_bytes(), at))
        image.write_bytes(firmware.path("engine.img").read_bytes() if engine is None else engine)
        tool("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", tree, firmware_header("platform/rpi4/monitor.dts"))
        tool("fdtput", "-t", "s", tree, "/rng@fe104000", "status", "disabled")
        for kind, name, *values in chosen:
            tool("fdtput", "-t", kind, tree, "/chosen", name, *values)
        return {0: stub, ENGINE: image, KERNEL: firmware.path("monitor.bin"), TREE: tree}

    return loads


def with_seed() -> tuple[str, ...]:
    return ("bx", "rng-seed", *(f"{byte:02x}" for byte in SEED))


@pytest.mark.parametrize(
    ("damage", "reason"), [("bit", "engine is not the one of this firmware"), ("missing", "no engine image")]
)
def test_without_its_engine_the_service_is_off_and_the_boot_goes_on(
    pi: Pi, firmware: Firmware, damage: str, reason: str
) -> None:
    image = bytearray(firmware.path("engine.img").read_bytes())
    image[firmware.path("engine.bin").stat().st_size - 1] ^= 1
    with board(pi(bytes(image) if damage == "bit" else bytes(SLOT), (with_seed(),))) as line:
        assert f"vTPM: service off: {reason}" in read_until(line, b"monitor: ready")
        monitor = Monitor(line)
        monitor.wait_ready(Deadline.after(SECONDS))
        for fid in (abi.VTPM_FID_VERSION, abi.VTPM_FID_LIMITS, abi.VTPM_FID_CREATE, abi.VTPM_FID_DOORBELL):
            assert monitor.smc(fid, 1).x[0] == NOT_SUPPORTED


def test_without_a_source_of_randomness_nothing_is_created(pi: Pi) -> None:
    with board(pi()) as line:
        assert "ready, 8 windows, entropy none, secure space unprotected" in read_until(line, b"monitor: ready")
        monitor = Monitor(line)
        monitor.wait_ready(Deadline.after(SECONDS))
        service = Service(monitor)
        with pytest.raises(ServiceError) as refusal:
            service.create(1)
        assert refusal.value.status is Status.NO_ENTROPY
        assert service.limits().instances_used == 0
        assert service.version().features == {"PARKING"}


def test_the_system_gets_another_seed_and_the_initramfs_without_the_engine(pi: Pi, tmp_path: Path) -> None:
    end = ENGINE + SLOT + 0x1234
    ends = (("x", "linux,initrd-start", f"{ENGINE:x}"), ("x", "linux,initrd-end", f"{end:x}"))
    with board(pi(None, (with_seed(), *ends))) as line:
        assert "entropy boot seed" in read_until(line, b"monitor: ready")
        monitor = Monitor(line)
        monitor.wait_ready(Deadline.after(SECONDS))
        size = int.from_bytes(monitor.read(TREE + 4, 4))
        tree = tmp_path / "seen"
        tree.write_bytes(b"".join(monitor.read(TREE + at, min(4096, size - at)) for at in range(0, size, 4096)))
    seed = bytes(int(byte, 16) for byte in tool("fdtget", "-t", "bx", tree, "/chosen", "rng-seed").split())
    assert len(seed) == len(SEED)
    assert not {seed[at : at + 8] for at in range(0, 64, 8)} & {SEED[at : at + 8] for at in range(0, 64, 8)}
    assert tool("fdtget", "-t", "x", tree, "/chosen", "linux,initrd-start").strip() == f"{ENGINE + SLOT:x}"
    assert tool("fdtget", "-t", "x", tree, "/chosen", "linux,initrd-end").strip() == f"{end:x}"


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        (0, "is absent: the VideoCore has loaded none"),
        (0x2_0000, "lies in BL31's memory"),
        (ENGINE - 0x80, "lies in the service's memory"),
        (0xFE20_0000, "lies in no memory"),
        (TREE + 0x10, "is no device tree: something has overwritten it"),
    ],
)
def test_a_device_tree_that_cannot_be_used_is_told_before_anybody_touches_it(pi: Pi, at: int, fault: str) -> None:
    with board(pi(None, (with_seed(),), at)) as line:
        said = read_until(line, b"monitor: ready")
    assert f"vTPM: device tree at {at:#x} {fault}" in said
    assert "vTPM: service off" in said


def test_a_device_tree_that_would_grow_into_the_initramfs_is_told(pi: Pi) -> None:
    behind = TREE + 0x2000
    ends = (("x", "linux,initrd-start", f"{behind:x}"), ("x", "linux,initrd-end", f"{behind + 0x1000:x}"))
    with board(pi(None, (with_seed(), *ends))) as line:
        assert f"vTPM: device tree at {TREE:#x} reaches into the initramfs" in read_until(line, b"monitor: ready")


@pytest.mark.parametrize("left", [0, PL011_ON_THE_PINS, MINI_UART_ON_THE_PINS], ids=["neither", "PL011", "mini-UART"])
def test_the_monitor_connects_its_uart_whatever_it_finds_on_the_pins(
    pi: Pi, firmware: Firmware, tmp_path: Path, left: int
) -> None:
    loads = pi(None, (with_seed(),))
    before = tmp_path / "before"
    before.write_bytes(write_and_jump(GPFSEL1, left | OTHER_PINS, KERNEL))
    loads[0].write_bytes(stub_as_loaded(firmware.path("armstub.bin").read_bytes(), kernel=BEFORE))
    with board({**loads, BEFORE: before}) as line:
        monitor = Monitor(line)
        monitor.wait_ready(Deadline.after(SECONDS))
        assert int.from_bytes(monitor.read(GPFSEL1, 4), "little") == PL011_ON_THE_PINS | OTHER_PINS
        divisor = [int.from_bytes(monitor.read(PL011 + at, 4), "little") for at in (0x24, 0x28)]
        assert divisor == [26, 2 if left == PL011_ON_THE_PINS else 3], "BL31 rounds down what is 26 + 2.67/64"
