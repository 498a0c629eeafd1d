"""Takes the part of the VideoCore's firmware of a Raspberry Pi 4: loads the files of an SD card into memory.

It reads config.txt and the files named there from the first FAT partition, chooses their addresses, writes these into
the armstub, and completes the device tree. A card that a board's own firmware would not start is refused with a reason,
where a board would only blink its light.

Sources: the Raspberry Pi documentation, "config.txt" and "Boot options"; Trusted Firmware-A, docs/plat/rpi4.rst, for
the three words of the armstub.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from hil.board.drivers.devicetree import DeviceTree
from hil.board.flash.sdcard import SECTOR, mtools
from hil.errors import FirmwareError, ToolFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ARMSTUB_END = 0x8_0000
"""The armstub lies at 0 and must end below this address, the traditional one of 64-bit kernels."""
LOW_MEMORY_END = 0x3B40_0000
"""Memory from here on belongs to the VideoCore, with the default of `gpu_mem`."""
HIGH_MEMORY = 0x4000_0000
UNPLACED_END = 0x2F00_0000
"""A device tree without `device_tree_address` ends about here."""
DEFAULTS = {"kernel": "kernel8.img", "kernel_address": "0x200000", "device_tree": "bcm2711-rpi-4-b.dtb"}
FILTERS = ("all", "pi4")
"""The sections of config.txt that apply to this board."""

_STUB_MAGIC, _STUB_DEVICETREE, _STUB_KERNEL = 0xF0, 0xF8, 0xFC
"""Offsets of words in the armstub: a magic number, which asks for the other two, and the addresses to fill in."""
_STUB_WANTS_ADDRESSES = 0x5AFE_570B
_FAT = (0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E)
_TREE_SPACE = 0x4000


class BootRefused(FirmwareError):
    """The board's own firmware would not boot this card."""


@dataclass(frozen=True, slots=True)
class Load:
    """A file loaded at a physical address."""

    name: str
    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The first address after the file."""
        return self.address + len(self.data)


@dataclass(frozen=True, slots=True)
class Hardware:
    """The properties of a single board: memory in bytes, its random seed, and the devices that an emulator lacks."""

    memory: int
    seed: bytes
    absent: Sequence[str] = field(default_factory=tuple)


def boot(card: Path, board: Hardware) -> tuple[Load, ...]:
    """Return the content of memory when the first processor enters the armstub. Raises `BootRefused`."""
    partition = Partition.first_of(card)
    config = read_config(partition.file("config.txt").decode(errors="replace"))
    for key, wanted in (("arm_64bit", "1"), ("enable_gic", "1")):
        if config.settings.get(key) != wanted:
            raise BootRefused(f"config.txt lacks {key}={wanted}: the processors would start in another way")
    kernel = _load(partition, config, "kernel", int(config["kernel_address"], 0))
    initramfs = b"".join(partition.file(name) for name in config.initramfs)
    loads = [kernel]
    if config.initramfs:
        loads.append(Load(",".join(config.initramfs), config.initramfs_address, initramfs))
    loads.append(_devicetree(partition, config, board, loads[1:]))
    stub = _load(partition, config, "armstub", 0)
    loads.append(Load(stub.name, 0, _with_addresses(stub, loads[-1].address, kernel.address)))
    _check(loads)
    return tuple(loads)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of config.txt for this board."""

    settings: Mapping[str, str]
    initramfs: tuple[str, ...] = ()
    initramfs_address: int = 0
    overlays: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> str:
        """Return a setting or its default. Raises `BootRefused` if it has neither."""
        try:
            return self.settings.get(key) or DEFAULTS[key]
        except KeyError:
            raise BootRefused(f"config.txt has no {key}") from None


def read_config(text: str) -> Config:
    """Parse config.txt without the sections for other boards; if a key is repeated, the last value counts."""
    settings: dict[str, str] = {}
    overlays: list[str] = []
    initramfs: tuple[str, ...] = ()
    address = 0
    ours = True
    for line in (line.partition("#")[0].strip() for line in text.splitlines()):
        if line.startswith("["):
            ours = line.strip("[]").lower() in FILTERS
        elif ours and line.startswith("initramfs "):
            names, _, where = line.removeprefix("initramfs ").strip().rpartition(" ")
            if not names or where == "followkernel":
                raise BootRefused(f"config.txt: `{line}` gives no address, so BL31 would not find the engine")
            initramfs, address = tuple(names.split(",")), _number(where, line)
        elif ours and line.startswith("dtoverlay="):
            overlays += [line.removeprefix("dtoverlay=").partition(",")[0]] if line != "dtoverlay=" else []
        elif ours and "=" in line:
            key, _, value = line.partition("=")
            settings[key.strip()] = value.strip()
    return Config(settings, initramfs, address, tuple(overlays))


@dataclass(frozen=True, slots=True)
class Partition:
    """A FAT partition that begins `start` bytes from the beginning of a card."""

    card: Path
    start: int

    @classmethod
    def first_of(cls, card: Path) -> Partition:
        """Return the first FAT partition of the master boot record. Raises `BootRefused` if there is none."""
        with card.open("rb") as image:
            sector = image.read(SECTOR)
        if len(sector) == SECTOR and sector[-2:] == b"\x55\xaa":
            for entry in range(446, 510, 16):
                if sector[entry + 4] in _FAT:
                    return cls(card, SECTOR * struct.unpack_from("<I", sector, entry + 8)[0])
        raise BootRefused("the card has no FAT partition", hint="hil flash")

    def file(self, name: str) -> bytes:
        """Return the content of a file. Raises `BootRefused` if there is no such file."""
        try:
            return mtools("mcopy", "-n", "-i", f"{self.card}@@{self.start}", f"::{name}", "-")
        except ToolFailed as error:
            raise BootRefused(f"{name} is not on the boot partition: {error.said}") from None


def _load(partition: Partition, config: Config, key: str, address: int) -> Load:
    name = config[key]
    return Load(name, address, partition.file(name))


def _with_addresses(stub: Load, devicetree: int, kernel: int) -> bytes:
    """Return the armstub with both addresses filled in. Raises `BootRefused` for one without the magic number."""
    if len(stub.data) < _STUB_KERNEL + 4 or struct.unpack_from("<I", stub.data, _STUB_MAGIC) != (
        _STUB_WANTS_ADDRESSES,
    ):
        raise BootRefused(f"{stub.name} has no place for the addresses of kernel and device tree")
    data = bytearray(stub.data)
    struct.pack_into("<I", data, _STUB_MAGIC, 0)
    struct.pack_into("<I", data, _STUB_DEVICETREE, devicetree)
    struct.pack_into("<I", data, _STUB_KERNEL, kernel)
    return bytes(data)


def _devicetree(partition: Partition, config: Config, board: Hardware, initramfs: Sequence[Load]) -> Load:
    name = config["device_tree"]
    overlays = [partition.file(f"overlays/{overlay}.dtbo") for overlay in config.overlays]
    with DeviceTree.from_bytes(partition.file(name), overlays, space=_TREE_SPACE) as tree:
        tree.set_memory([(start, end - start) for start, end in _memory(board.memory)])
        tree.set_bytes("/chosen", "rng-seed", board.seed)
        for load in initramfs:
            tree.set_cells("/chosen", "linux,initrd-start", load.address)
            tree.set_cells("/chosen", "linux,initrd-end", load.end)
        if "cmdline" in config.settings:
            tree.set_text("/chosen", "bootargs", partition.file(config["cmdline"]).decode().strip())
        for path in board.absent:
            tree.set_text(path, "status", "disabled")
        data = tree.read()
    place = config.settings.get("device_tree_address")
    address = _number(place, "device_tree_address") if place else (UNPLACED_END - len(data)) & ~0xFFFF
    return Load(name, address, data)


def _memory(size: int) -> Iterator[tuple[int, int]]:
    yield 0, min(size, LOW_MEMORY_END)
    if size > HIGH_MEMORY:
        yield HIGH_MEMORY, size


def _check(loads: Sequence[Load]) -> None:
    """Raise `BootRefused` if files overlap, or lie in memory that is not theirs."""
    for load in loads:
        if load.address == 0 and load.end > ARMSTUB_END:
            raise BootRefused(f"{load.name} has {len(load.data)} bytes; the armstub must end below {ARMSTUB_END:#x}")
        if load.end > LOW_MEMORY_END:
            raise BootRefused(f"{load.name} ends at {load.end:#x}, in the VideoCore's memory")
    for load, following in pairwise(sorted(loads, key=lambda load: load.address)):
        if load.end > following.address:
            raise BootRefused(
                f"{load.name} ends at {load.end:#x} and overlaps {following.name}, which is at {following.address:#x}"
            )


def _number(text: str, where: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise BootRefused(f"config.txt: `{where}`: {text} is not an address") from None
