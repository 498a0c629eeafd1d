"""labgrid driver: writes an image to an SD card in a USB SD mux or a card reader."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.step import step

from hil.board.drivers import storage
from hil.board.drivers.flashnotes import flash_memory, is_shared
from hil.board.drivers.protocols import FlasherProtocol
from hil.board.flash import FlashPlan, FlashResult, Meter, Payload, flash, silent
from hil.board.flash.card import Card
from hil.board.flash.payload import WHOLE
from hil.errors import InfrastructureError
from hil.paths import shipped
from hil.tools import missing_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.board.flash import FlashMemory

INSTALL = "pip install usbsdmux in the environment of hil, or apt-get install usbsdmux"
NO_SUCH_COMMAND = 127
"""The exit code of a shell, and so of ssh, for a program that it does not find."""

_TEXT = attr.validators.instance_of(str)
_SIZE: Any = attr.validators.instance_of((int, float))


@target_factory.reg_driver
@attr.s(eq=False)
class CardFlasher(Driver, FlasherProtocol):  # type: ignore[misc]
    """Writes one image to a card and reads it back; with a `BootPartitionDriver`, makes the image first.

    With an SD mux, the board gets the card back only after success, so that it never boots half an image.

    Args:
        image: the image, by its key; compressed (`gzip`, `xz`, `zstd`, `bzip2`), it is unpacked on the way
        serial: serial number that the disk must have, as `lsblk -o SERIAL` shows it; of a reader, not of the card
        smallest, largest: gigabytes (10^9 bytes) that the card must have
        partitioned: whether the image must have a partition table (MBR or GPT); false: the board boots without one
    """

    bindings = {  # noqa: RUF012 - labgrid's way
        "storage": {
            *("CardReader", "USBMassStorage", "USBSDMuxDevice"),
            *("NetworkUSBMassStorage", "NetworkUSBSDMuxDevice"),
        },
        "mux": {"USBSDMuxDriver", None},
        "partition": {"BootPartitionDriver", None},
    }

    image: str = attr.ib(validator=_TEXT)
    serial: str = attr.ib(default="", validator=_TEXT)
    smallest: float = attr.ib(default=0.0, validator=_SIZE)
    largest: float = attr.ib(default=128.0, validator=_SIZE)
    partitioned: bool = attr.ib(default=True, validator=attr.validators.instance_of(bool))

    @property
    def memory(self) -> FlashMemory:
        """The note on the last flash of the board's card."""
        return flash_memory(self.target)

    def check(self) -> None:
        """Raise `BoardDirty` unless the last flash succeeded."""
        self.memory.check()

    def plan(self) -> FlashPlan:
        """Return what `flash` would do."""
        steps = ["switch the board off", "write the image", "read it back, past the page cache, and compare"]
        if self.mux is not None:
            steps.insert(1, "SD mux: give the card to this machine")
            steps.append("SD mux: give the card to the board")
        contents = self._make_image()
        found = storage.found(self.target, self.storage)
        return FlashPlan(storage.named(self.storage), self._payload, tuple(steps), self.memory.read(), found, contents)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def flash(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Flash the card."""
        self._make_image()
        force = force or is_shared(self.target)
        return flash(self._payload, self._medium, self.memory, force=force, meter=meter or silent)

    def _make_image(self) -> Payload | None:
        return self.partition.write_card(self._path) if self.partition is not None else None

    @property
    def _path(self) -> Path:
        return storage.image_path(self.target, self.image)

    @property
    def _payload(self) -> Payload:
        return Payload.from_files([(self._path, WHOLE)], partitioned=self.partitioned)

    @property
    def _medium(self) -> Card:
        expected = storage.expected(self.serial, self.smallest, self.largest)
        name, prefix = storage.named(self.storage), storage.prefix(self.storage)
        return Card(name, lambda: str(self.storage.path), expected, prefix, self._attached)

    @contextlib.contextmanager
    def _attached(self) -> Iterator[None]:
        self._switch("host")
        storage.await_medium(self.target, self.storage)
        yield
        storage.settle(storage.prefix(self.storage))
        self._switch("dut")

    def _switch(self, mode: str) -> None:
        if self.mux is None:
            return
        storage.prefix(self.mux.mux)  # log in to the machine that has it, to say so if that fails
        try:
            self.mux.set_mode(mode)
        except FileNotFoundError as error:
            raise missing_tool(str(error.filename), doing="switching the SD mux", install=INSTALL) from None
        except (subprocess.CalledProcessError, OSError) as error:
            raise InfrastructureError(f"the SD mux does not switch to `{mode}`: {error}", hint=_hint(error)) from error


def _hint(error: subprocess.CalledProcessError | OSError) -> str:
    said = getattr(error, "output", None) or b""
    if isinstance(error, PermissionError) or b"ermission denied" in said or b"PermissionError" in said:
        return f"hil doctor; udev rules: {shipped('boards/udev/70-hil-boards.rules')}"
    if getattr(error, "returncode", 0) == NO_SUCH_COMMAND:
        return f"on the machine of the SD mux: {INSTALL}"
    return said.decode(errors="replace").strip().rpartition("\n")[2] or "is the SD mux plugged in?"
