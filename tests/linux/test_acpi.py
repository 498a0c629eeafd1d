"""The tables that tell a guest's kernel what machine it is on, written on this machine and read back."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.target.vtpm import abi

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "firmware" / "linux" / "acpi"
RAM = 0x4000_0000
QUEUE = 0x0C00_0000
OVERFLOWED = 3
ARM_SMC = 11


@dataclass(frozen=True, slots=True)
class Tables:
    """The memory a guest finds the tables in, from the start of its RAM, and where its kernel begins to read."""

    memory: bytes
    rsdp: int
    device_tree: int

    def table(self, address: int) -> bytes:
        start = address - RAM
        (length,) = struct.unpack_from("<I", self.memory, start + 4)
        return self.memory[start : start + length]

    def listed(self) -> dict[str, bytes]:
        """Return the tables by their signatures: those in the XSDT, the XSDT, and the DSDT that the FADT leads to."""
        (xsdt_address,) = struct.unpack_from("<Q", self.memory, self.rsdp + 24)
        xsdt = self.table(xsdt_address)
        tables = [xsdt, *(self.table(address) for (address,) in struct.iter_unpack("<Q", xsdt[36:]))]
        by_name = {table[:4].decode(): table for table in tables}
        (dsdt_address,) = struct.unpack_from("<Q", by_name["FACP"], 140)
        return by_name | {"DSDT": self.table(dsdt_address)}

    def chosen(self, tmp_path: Path) -> dict[str, bytes]:
        """Return the properties of /chosen, as the device tree compiler understands them."""
        blob = tmp_path / "guest.dtb"
        blob.write_bytes(self.memory[self.device_tree :])
        names = subprocess.run(["fdtget", "-p", blob, "/chosen"], capture_output=True, text=True, check=True).stdout
        return {
            name: bytes.fromhex(
                "".join(
                    f"{int(byte, 16):02x}"
                    for byte in subprocess.run(
                        ["fdtget", "-t", "bx", blob, "/chosen", name], capture_output=True, text=True, check=True
                    ).stdout.split()
                )
            )
            for name in names.split()
        }


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("acpi") / "tables"
    main = Path(__file__).parent / "acpi" / "tables.c"
    command: list[str | Path] = ["gcc", "-std=c17", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    command += [f"-I{SOURCES}", f"-I{CHECKOUT / 'firmware' / 'service' / 'include'}"]
    command += [main, *sorted(SOURCES.glob("*.c")), "-o", out]
    subprocess.run(command, check=True, timeout=120)
    return out


@pytest.fixture
def write(program: Path) -> Callable[..., Tables]:
    """Return a function that writes the tables of a machine."""

    def tables(*, cpus: int = 1, gic: int = 3, queue_bytes: int = 0x2000) -> Tables:
        done = subprocess.run(
            [program, str(cpus), str(gic), str(queue_bytes), "65536"], capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        rsdp, device_tree = map(int, done.stderr.split())
        return Tables(done.stdout, rsdp, device_tree)

    return tables


def packages(code: bytes) -> list[bytes]:
    """Return the devices of a DSDT: the contents of each DeviceOp, whose lengths must add up to the scope's."""

    def length(at: int) -> int:
        assert code[at] >> 6 == 2, "a package length of three bytes"
        return (code[at] & 0xF) | code[at + 1] << 4 | code[at + 2] << 12

    assert code[0] == 0x10
    assert length(1) == len(code) - 1
    assert code[4:9] == b"\\_SB_"
    devices, at = [], 9
    while at < len(code):
        assert code[at : at + 2] == b"\x5b\x82"
        end = at + 2 + length(at + 2)
        devices.append(code[at + 5 : end])
        at = end
    return devices


@pytest.mark.parametrize("gic", [2, 3])
@pytest.mark.parametrize("queue_bytes", [0, 0x2000])
def test_every_table_sums_to_zero(write: Callable[..., Tables], gic: int, queue_bytes: int) -> None:
    tables = write(cpus=4, gic=gic, queue_bytes=queue_bytes)
    assert {name: sum(table) % 256 for name, table in tables.listed().items() if sum(table) % 256} == {}
    rsdp = tables.memory[tables.rsdp : tables.rsdp + 36]
    assert (rsdp[:8], sum(rsdp[:20]) % 256, sum(rsdp) % 256) == (b"RSD PTR ", 0, 0)


def test_tpm2_table_leads_to_the_queue_and_its_doorbell(write: Callable[..., Tables]) -> None:
    tpm2 = write().listed()["TPM2"]
    assert struct.unpack_from("<Q", tpm2, 40) == (QUEUE + abi.VTPM_CRB_CONTROL_AREA,)
    assert struct.unpack_from("<I", tpm2, 48) == (ARM_SMC,)
    assert struct.unpack_from("<I", tpm2, 60) == (abi.VTPM_FID_DOORBELL,)
    assert len(tpm2) == 64


def test_tpm_device_has_the_whole_queue(write: Callable[..., Tables]) -> None:
    (device,) = (device for device in packages(write().listed()["DSDT"][36:]) if b"MSFT0101" in device)
    assert struct.pack("<BHBII", 0x86, 9, 1, QUEUE, 0x2000) in device


def test_machine_without_a_queue_has_no_tpm(write: Callable[..., Tables]) -> None:
    tables = write(queue_bytes=0).listed()
    assert "TPM2" not in tables
    assert b"MSFT0101" not in tables["DSDT"]


def test_every_processor_is_in_madt_and_dsdt(write: Callable[..., Tables]) -> None:
    tables = write(cpus=16).listed()
    devices = packages(tables["DSDT"][36:])
    assert sum(b"ACPI0007" in device for device in devices) == 16
    madt, at, seen = tables["APIC"], 44, []
    while at < len(madt):
        if madt[at] == 0x0B:
            seen.append(struct.unpack_from("<Q", madt, at + 68)[0])
        at += madt[at + 1]
    assert at == len(madt)
    assert seen == list(range(16))


@pytest.mark.parametrize(("gic", "redistributors"), [(2, []), (3, [(0x080A_0000, 4 * 0x20000)])])
def test_madt_has_the_parts_of_its_gic(
    write: Callable[..., Tables], gic: int, redistributors: list[tuple[int, int]]
) -> None:
    madt, at, found = write(cpus=4, gic=gic).listed()["APIC"], 44, []
    while at < len(madt):
        if madt[at] == 0x0B:
            assert struct.unpack_from("<Q", madt, at + 32) == (0x080A_0000 if gic == 2 else 0,)
        if madt[at] == 0x0C:
            assert madt[at + 20] == gic
        if madt[at] == 0x0E:
            found.append(struct.unpack_from("<QI", madt, at + 4))
        at += madt[at + 1]
    assert found == redistributors


def test_kernel_finds_memory_and_tables_by_way_of_chosen(write: Callable[..., Tables], tmp_path: Path) -> None:
    tables = write()
    chosen = tables.chosen(tmp_path)
    assert chosen["bootargs"] == b"quiet\0"
    assert struct.unpack(">QQ", chosen["linux,initrd-start"] + chosen["linux,initrd-end"]) == (
        RAM + 0x20_0000,
        RAM + 0x20_1234,
    )
    assert chosen["linux,uefi-secure-boot"] == (2).to_bytes(4, "big")
    system, start = struct.unpack(">QQ", chosen["linux,uefi-system-table"] + chosen["linux,uefi-mmap-start"])
    size, descriptor = struct.unpack(">II", chosen["linux,uefi-mmap-size"] + chosen["linux,uefi-mmap-desc-size"])
    assert tables.memory[system - RAM : system - RAM + 8] == b"IBI SYST"
    (configuration,) = struct.unpack_from("<Q", tables.memory, system - RAM + 112)
    assert struct.unpack_from("<Q", tables.memory, configuration - RAM + 16) == (RAM + tables.rsdp,)
    memory_map = [
        struct.unpack_from("<IIQQQQ", tables.memory, at) for at in range(start - RAM, start - RAM + size, descriptor)
    ]
    assert [(kind, address, pages) for kind, _, address, _, pages, _ in memory_map] == [
        (9, RAM, 0x200),
        (7, RAM + 0x20_0000, 0x1000_0000 // 0x1000 - 0x200),
        (0, QUEUE, 2),
    ]


@pytest.mark.parametrize("limit", [1, 100, 1000, 1700])
def test_too_little_memory_is_noticed_and_not_exceeded(program: Path, limit: int) -> None:
    done = subprocess.run([program, "4", "3", "8192", str(limit)], capture_output=True, timeout=60)
    assert done.returncode == OVERFLOWED, done.stderr.decode()
    assert len(done.stdout) == limit
