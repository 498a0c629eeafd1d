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
from tests.firmware.rpi4 import ENGINE, KERNEL, SECONDS, TREE, board, read_until, stub_as_loaded
from tests.target.monitor.emulated import QEMU

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.firmware import Firmware

    Pi = Callable[..., dict[int, Path]]

NOT_SUPPORTED = 2**64 - 1
SEED = bytes(range(64))
SLOT = 0x20_0000


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

    def loads(engine: bytes | None = None, chosen: tuple[tuple[str, ...], ...] = ()) -> dict[int, Path]:
        stub, image, tree = tmp_path / "stub", tmp_path / "engine", tmp_path / "tree"
        stub.write_bytes(stub_as_loaded(firmware.path("armstub.bin").read_bytes()))
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
        assert not service.version().features


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
