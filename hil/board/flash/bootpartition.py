"""The boot partition of a Raspberry Pi 4: its files, and the config.txt that tells the firmware about them.

Sources: the config.txt chapter of the Raspberry Pi documentation, "Boot options", for the keys; Trusted Firmware-A's
docs/plat/rpi4.rst for the address of BL31. None of this has run on a board yet; `docs/boards/rpi4.md` says what is
proven.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from hil.board.flash.payload import PayloadFile
from hil.errors import UsageError
from hil.firmware.videocore import FILES, check_videocore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ARMSTUB_END = 0x8_0000
"""End of the armstub's memory: TF-A's plat/rpi/rpi4 links BL31 below the traditional address of the kernel."""

LINE_LENGTH = 80
"""The longest line of config.txt, according to the documentation of `ramfsfile`."""

COMMON = (
    ("arm_64bit", "1"),  # all four processors enter the armstub in AArch64, at EL3
    ("enable_gic", "1"),  # interrupts by the GIC-400
    ("enable_uart", "1"),  # also holds the core clock, and so the UART's, still
    ("uart_2ndstage", "1"),  # the VideoCore firmware says on the serial line what it loads
)

OTHER_FIRMWARE = {"gpu_mem": "16", "start_x": "1", "start_debug": "1", "start_file": "", "fixup_file": ""}
"""Settings, with any value where none is given here, that make the board load other files than `FILES`."""


@dataclass(frozen=True, slots=True)
class BootPartition:
    """Everything that the board needs to boot. The kernel is the monitor, or Linux.

    The files of `initramfs` are loaded one after the other, from `initramfs_address` on. `overlays` are device tree
    overlays, such as disable-bt.dtbo. `videocore` is the directory of start4.elf and fixup4.dat; without it, only an
    emulator can boot the partition.
    """

    armstub: Path
    kernel: Path
    kernel_address: int
    devicetree: Path
    initramfs: tuple[Path, ...] = ()
    initramfs_address: int = 0
    overlays: tuple[Path, ...] = ()
    videocore: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> str:
        """The content of config.txt. Raises `UsageError` if the firmware could not read it, or would load another."""
        for key, value in self.options.items():
            if OTHER_FIRMWARE.get(key) in ("", value):
                raise UsageError(
                    f"{key}={value} makes the board load another firmware than {FILES[0]}, which is not on the card",
                    hint="leave it out of `options` of the BootPartitionDriver",
                )
        lines = [f"{key}={value}" for key, value in (*COMMON, *self.options.items())]
        lines += [
            f"armstub={self.armstub.name}",
            f"kernel={self.kernel.name}",
            f"kernel_address={self.kernel_address:#x}",
            f"device_tree={self.devicetree.name}",
        ]
        if self.initramfs:
            lines.append(f"initramfs {','.join(path.name for path in self.initramfs)} {self.initramfs_address:#x}")
        lines += [f"dtoverlay={path.stem}" for path in self.overlays]
        for line in lines:
            if len(line) > LINE_LENGTH:
                raise UsageError(f"config.txt: a line of {len(line)} characters is too long for the firmware: {line}")
        return "".join(f"{line}\n" for line in lines)

    def files(self) -> tuple[PayloadFile, ...]:
        """Return all files but config.txt, with their paths on the partition.

        Raises `UsageError` if one is missing, two have the same name, or they would overlap in memory.
        """
        found: dict[str, PayloadFile] = {}
        for place, source in self._sources():
            if place in found:
                raise UsageError(f"two files of the boot partition are called {place}: {source} is the second one")
            found[place] = PayloadFile.from_file(source, place)
        self._check_memory(found)
        return tuple(found.values())

    def _sources(self) -> Iterator[tuple[str, Path]]:
        for path in (self.armstub, self.kernel, self.devicetree, *self.initramfs):
            yield path.name, path
        for path in self.overlays:
            yield f"overlays/{path.name}", path
        if self.videocore is not None:
            check_videocore(self.videocore)
            yield from ((name, self.videocore / name) for name in FILES)

    def _check_memory(self, files: Mapping[str, PayloadFile]) -> None:
        stub = files[self.armstub.name].size
        if stub > ARMSTUB_END:
            raise UsageError(f"{self.armstub} has {stub} bytes; the armstub must end below {ARMSTUB_END:#x}")
        places = [
            (0, ARMSTUB_END, self.armstub.name),
            (self.kernel_address, self.kernel_address + files[self.kernel.name].size, self.kernel.name),
        ]
        if self.initramfs:
            size = sum(files[path.name].size for path in self.initramfs)
            names = ",".join(path.name for path in self.initramfs)
            places.append((self.initramfs_address, self.initramfs_address + size, names))
        for (start, end, name), (after, _, other) in pairwise(sorted(places)):
            if end > after:
                raise UsageError(f"{name} ({start:#x} to {end:#x}) would be overwritten by {other} (from {after:#x})")
