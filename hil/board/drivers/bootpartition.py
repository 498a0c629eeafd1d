"""labgrid driver: assembles the boot partition of a Raspberry Pi 4 as described in the board file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory

from hil.board.drivers.storage import image_path
from hil.board.flash import Payload, PayloadFile
from hil.board.flash.bootpartition import BootPartition
from hil.board.flash.sdcard import write_card
from hil.errors import ToolFailed, UsageError
from hil.files import write_atomically
from hil.tools import run_tool

CONFIG = "config.txt"
CMDLINE = "cmdline.txt"
PACKAGE = "package"
"""Value of `videocore` that stands for the firmware in Debian's package."""
ABSENT = "absent"
"""Value of `videocore` for a partition without that firmware, because an emulator takes its part."""
SOURCES = {".dts": ".dtb", ".dtso": ".dtbo"}
"""Suffixes of device tree sources and overlays, and of the files that they are compiled to."""

COMPILE_SECONDS = 20.0

_TEXT = attr.validators.instance_of(str)
_TEXTS = attr.validators.deep_iterable(_TEXT, attr.validators.instance_of(list))
_NUMBER = attr.validators.instance_of(int)
_OPTIONS: Any = attr.validators.instance_of(dict)


@target_factory.reg_driver
@attr.s(eq=False)
class BootPartitionDriver(Driver):  # type: ignore[misc]
    """Makes the files of the partition, or the image of a card with them.

    Args:
        config: where config.txt is made, by its key among the images
        armstub, kernel: images, by their keys
        devicetree: image, by its key; a source (.dts, .dtso) is compiled, beside config.txt
        kernel_address: where the kernel is loaded, and entered at EL2
        initramfs: images that are loaded one behind the other, from `initramfs_address` on
        initramfs_address: where the first of them is loaded
        overlays: device tree overlays, by their keys
        videocore: directory with start4.elf and fixup4.dat; `package` for those of Debian, `absent` for an emulator
        cmdline: arguments of the kernel, if it takes any
        options: further lines of config.txt
        size: bytes of the card's image, in MiB
    """

    config: str = attr.ib(validator=_TEXT)
    armstub: str = attr.ib(validator=_TEXT)
    kernel: str = attr.ib(validator=_TEXT)
    kernel_address: int = attr.ib(validator=_NUMBER)
    devicetree: str = attr.ib(validator=_TEXT)
    videocore: str = attr.ib(default=PACKAGE, validator=_TEXT)
    initramfs: list[str] = attr.ib(factory=list, validator=_TEXTS)
    initramfs_address: int = attr.ib(default=0, validator=_NUMBER)
    overlays: list[str] = attr.ib(factory=list, validator=_TEXTS)
    cmdline: str = attr.ib(default="", validator=_TEXT)
    options: dict[str, Any] = attr.ib(factory=dict, validator=_OPTIONS)
    size: int = attr.ib(default=64, validator=_NUMBER)

    def files(self) -> Payload:
        """Make the files and return them. Raises `UsageError` if the board could not boot from them."""
        partition = self._partition
        files = partition.files()
        config = self._image(self.config)
        config.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(config, partition.config.encode())
        made = [PayloadFile.from_file(config, CONFIG)]
        if self.cmdline:
            cmdline = config.with_name(CMDLINE)
            write_atomically(cmdline, f"{self.cmdline}\n".encode())
            made.append(PayloadFile.from_file(cmdline, CMDLINE))
        return Payload((*made, *files))

    def write_card(self, path: Path) -> Payload:
        """Make the image of a card with the partition; return the files on it."""
        payload = self.files()
        write_card(path, {file.destination: file.source for file in payload.files}, self.size << 20)
        return payload

    @property
    def _partition(self) -> BootPartition:
        return BootPartition(
            armstub=self._image(self.armstub),
            kernel=self._image(self.kernel),
            kernel_address=self.kernel_address,
            devicetree=self._devicetree(self.devicetree),
            initramfs=tuple(map(self._image, self.initramfs)),
            initramfs_address=self.initramfs_address,
            overlays=tuple(map(self._devicetree, self.overlays)),
            videocore=self._videocore(),
            options={key: str(value) for key, value in self._options.items()},
        )

    @property
    def _options(self) -> dict[str, Any]:
        return {**self.options, "cmdline": CMDLINE} if self.cmdline else self.options

    def _image(self, key: str) -> Path:
        return image_path(self.target, key)

    def _devicetree(self, key: str) -> Path:
        source = self._image(key)
        if source.suffix not in SOURCES:
            return source
        compiled = self._image(self.config).parent / f"{source.stem}{SOURCES[source.suffix]}"
        compiled.parent.mkdir(parents=True, exist_ok=True)
        try:
            made = run_tool(["dtc", "-q", "-I", "dts", "-O", "dtb", source], seconds=COMPILE_SECONDS)
        except ToolFailed as error:
            raise UsageError(f"{source} is no device tree: {error.said}") from None
        write_atomically(compiled, made.data)
        return compiled

    def _videocore(self) -> Path | None:
        if self.videocore == ABSENT:
            return None
        if self.videocore == PACKAGE:
            from hil.firmware.videocore import videocore_firmware
            from hil.progress import Terminal

            return videocore_firmware(Terminal())
        return Path(self.target.env.config.resolve_path(self.videocore)).resolve()
