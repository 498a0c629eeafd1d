"""labgrid drivers: copy images as files to a TFTP server's directory or to the disk of a Juno's board controller."""

from __future__ import annotations

import abc
import contextlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.resource.remote import NetworkUSBMassStorage
from labgrid.resource.udev import USBMassStorage
from labgrid.step import step

from hil.board.drivers import storage
from hil.board.drivers.cardreader import CardReader
from hil.board.drivers.flashnotes import flash_memory, is_shared
from hil.board.drivers.protocols import FlasherProtocol
from hil.board.flash import FlashPlan, FlashResult, Meter, Payload, PayloadFile, flash, silent
from hil.board.flash.folder import FatPartition, Folder
from hil.board.flash.remotefat import RemoteFatPartition
from hil.board.flash.remotefolder import RemoteFolder
from hil.errors import BoardFileError, InfrastructureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.flash import FlashMemory
    from hil.board.flash.procedure import Medium

_TEXT = attr.validators.instance_of(str)
_FILES: Any = attr.validators.deep_mapping(_TEXT, _TEXT)
_SIZE: Any = attr.validators.instance_of((int, float))
_DISKS = (CardReader, USBMassStorage, NetworkUSBMassStorage)
_NUMBER = attr.validators.instance_of(int)


class FilesFlasher(Driver, FlasherProtocol):  # type: ignore[misc]
    """The part that both drivers share."""

    steps: tuple[str, ...]

    @property
    def memory(self) -> FlashMemory:
        """The note on the last flash of the board's medium."""
        return flash_memory(self.target)

    def check(self) -> None:
        """Raise `BoardDirty` unless the last flash succeeded."""
        self.memory.check()

    def plan(self) -> FlashPlan:
        """Return what `flash` would do."""
        there: list[PayloadFile] = []
        missing: dict[str, str] = {}
        for source, place in self._sources():
            try:
                there.append(PayloadFile.from_file(source, place))
            except UsageError as error:
                missing[place] = error.message
        state = self.memory.read()
        return FlashPlan(self._medium().name, Payload(tuple(there)), self.steps, state, self._found(), missing=missing)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def flash(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Copy the files, and read them back."""
        force = force or is_shared(self.target)
        return flash(self._payload(), self._medium(), self.memory, force=force, meter=meter or silent)

    def _payload(self) -> Payload:
        return Payload.from_files(self._sources())

    def _sources(self) -> list[tuple[Path, str]]:
        return [(storage.image_path(self.target, key), place) for place, key in self.files.items()]

    @abc.abstractmethod
    def _medium(self) -> Medium:
        """Return the medium that the files go to."""

    @abc.abstractmethod
    def _found(self) -> str:
        """Return what is there now, in words."""


@target_factory.reg_driver
@attr.s(eq=False)
class TFTPFlasher(FilesFlasher):
    """Copies files to the directory of a TFTP or HTTP server, on this machine or that of an exporter.

    With a `BootPartitionDriver`, the files of a Raspberry Pi 4's boot partition are copied, too.

    Args:
        files: images, by their keys, for each name below `folder`
        folder: below the server's directory, such as the serial number by which a Raspberry Pi asks
    """

    bindings = {  # noqa: RUF012 - labgrid's way
        "provider": {"TFTPProvider", "RemoteTFTPProvider", "HTTPProvider", "RemoteHTTPProvider"},
        "partition": {"BootPartitionDriver", None},
    }

    files: dict[str, str] = attr.ib(factory=dict, validator=_FILES)
    folder: str = attr.ib(default="", validator=_TEXT)

    steps = ("switch the board off", "copy each file, and put it in place at once", "read each back, and compare")

    def _sources(self) -> list[tuple[Path, str]]:
        more = self.partition.files().files if self.partition is not None else ()
        return [*super()._sources(), *((file.source, file.destination) for file in more)]

    def _medium(self) -> Folder | RemoteFolder:
        kind = "HTTP" if "HTTP" in type(self.provider).__name__ else "TFTP"
        prefix = storage.prefix(self.provider)
        if prefix:
            path = PurePosixPath(self.provider.internal) / self.folder
            return RemoteFolder(f"{kind} directory {path} of {self.provider.host}", path, prefix)
        return Folder(f"{kind} directory {self._path}", self._path)

    @property
    def _path(self) -> Path:
        return Path(self.provider.internal) / self.folder

    def _found(self) -> str:
        medium = self._medium()
        try:
            there = medium.exists() if isinstance(medium, RemoteFolder) else medium.path.is_dir()
        except InfrastructureError as error:
            return error.message
        return "there" if there else "not there"


@target_factory.reg_driver
@attr.s(eq=False)
class JunoFlasher(FilesFlasher):
    """Copies files to the USB disk of a board controller, which programs the board's flash memory from them.

    The disk is the target's `USBMassStorage` or `CardReader`. It is not bound, because it does not exist before
    `usb_on`. The disk of a place in a lab is written by the mtools of its machine, over SSH.

    Args:
        files: images, by their keys, for each path on the disk, such as `SOFTWARE/fip.bin`
        partition: the FAT partition, counted from 1; 0 for a disk without a partition table
        serial: serial number that the disk must have, as `lsblk -o SERIAL` shows it
        smallest, largest: gigabytes (10^9 bytes) that the disk must have
    """

    bindings = {"controller": "JunoControllerDriver"}  # noqa: RUF012 - labgrid's way

    files: dict[str, str] = attr.ib(validator=_FILES)
    partition: int = attr.ib(default=1, validator=_NUMBER)
    serial: str = attr.ib(default="", validator=_TEXT)
    smallest: float = attr.ib(default=0.0, validator=_SIZE)
    largest: float = attr.ib(default=16.0, validator=_SIZE)

    steps = (
        "board controller: shutdown",
        "board controller: usb_on",
        "copy the files to its disk, without mounting it",
        "read them back, past the page cache, and compare",
        "board controller: usb_off",
        "at the next start, board controller: reboot; it programs the flash from the files",
    )

    def _medium(self) -> FatPartition | RemoteFatPartition:
        if not self.files:
            raise BoardFileError(f"{self.target.env.config_file}: JunoFlasher: `files` is empty")
        expected = storage.expected(self.serial, self.smallest, self.largest)
        disk = self._disk
        name, prefix = storage.named(disk), storage.prefix(disk)
        if prefix:
            return RemoteFatPartition(name, lambda: str(disk.path), self.partition, prefix, expected, self._attached)
        return FatPartition(name, lambda: str(disk.path), self.partition, expected, self._attached)

    def _found(self) -> str:
        return storage.found(self.target, self._disk)

    @property
    def _disk(self) -> Any:
        disks = [resource for resource in self.target.resources if isinstance(resource, _DISKS)]
        if len(disks) != 1:
            raise BoardFileError(
                f"{self.target.env.config_file}: JunoFlasher takes one disk, but the target has {len(disks)}"
            )
        return disks[0]

    @contextlib.contextmanager
    def _attached(self) -> Iterator[None]:
        self.controller.run("usb_on")
        storage.await_medium(self.target, self._disk)
        yield
        storage.settle(storage.prefix(self._disk))
        self.controller.run("usb_off")
