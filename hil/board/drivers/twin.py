"""labgrid driver: a Raspberry Pi 4 emulated by QEMU, which starts from the image of its SD card."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attr
from labgrid.factory import target_factory
from labgrid.step import step

from hil.board.drivers import videocore
from hil.board.drivers.image import FlashedImage, flash, keep
from hil.board.drivers.qemu import FILE, MEMORY, HilQEMUDriver
from hil.board.drivers.storage import image_path
from hil.board.flash import FlashPlan, FlashResult, Payload
from hil.board.flash.payload import WHOLE
from hil.deadline import Deadline
from hil.errors import BoardFileError, ConsoleTimeout
from hil.firmware.machine import option_value

if TYPE_CHECKING:
    from hil.board.drivers.emulator import Emulator
    from hil.board.flash import Meter

SEED_BYTES = 64
ADAPTER = "adapter"
SOCKET = {"bus": "usb-bus.0", "port": "1"}
"""The board's only USB socket. The port must be given, or else QEMU adds a hub."""
PLUGGED = b"linux: network"
"""Printed by firmware/linux/host/root/etc/plugged once the adapter has an address."""
UNPLUGGED = b"linux: unplugged"
UNPLUG = (
    b"ip link set eth0 down && "
    b"for turn in $(seq 24); do echo 0 >/sys/bus/usb/devices/1-1/bConfigurationValue; done && "
    b"echo 'linux: un''plugged'\n"
)
"""QEMU's USB controller continues a transfer that Linux has cancelled until another transfer uses the same channel. If
the device is gone by then, QEMU aborts (`usb_ep_get`). So each of the eight channels is used once more before."""
UNPLUG_SECONDS = 120.0
_UNITS = {"M": 1 << 20, "G": 1 << 30}
_TEXTS: Any = attr.validators.deep_iterable(attr.validators.instance_of(str), attr.validators.instance_of(list))


@target_factory.reg_driver
@attr.s(eq=False)
class Rpi4TwinDriver(HilQEMUDriver):
    """A `HilQEMUDriver` whose machine's memory is filled from the card, as the VideoCore's firmware would do.

    QEMU cannot save the machine's state with a network adapter in its USB socket, so `network` is plugged in late.

    Args:
        card: the image of the card, by its key; the BootPartitionDriver makes it
        absent: nodes of the device tree for devices that QEMU does not emulate
    """

    bindings = {"partition": "BootPartitionDriver"}  # noqa: RUF012 - labgrid's way

    card: str = attr.ib(default="card", validator=attr.validators.instance_of(str))
    absent: list[str] = attr.ib(factory=list, validator=_TEXTS)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._addresses: dict[str, int] = {}
        self._plugged_into: Emulator | None = None

    def flash_plan(self) -> FlashPlan:
        """Return what `flash_images` would do."""
        contents = self.partition.write_card(self._card)
        steps = ("make the image of the card", "seal a copy of it", "load from it what the VideoCore would")
        return FlashPlan(MEMORY, Payload.from_files([(self._card, WHOLE)]), steps, contents=contents)

    @step()  # type: ignore[untyped-decorator]
    def flash_images(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:  # noqa: ARG002
        """Make the card, and a verified copy of it. Only `on` raises `BootRefused`, just as a board fails late."""
        self.partition.write_card(self._card)
        return self._hold({str(self._card): flash(self._card)})

    def on(self) -> None:
        """Read the card as the VideoCore does, and switch on."""
        if not self.status:
            self._load()
        super().on()

    def join_network(self, deadline: Deadline) -> None:
        """Plug in the network adapter, and wait until Linux has an address."""
        if self.network is None or self._plugged_into is self.emulator:
            return
        self.monitor_command("device_add", {"driver": self.network, "id": ADAPTER, "netdev": "network", **SOCKET})
        self._plugged_into = self.emulator
        self._await(PLUGGED, deadline)

    def save(self, path: Path) -> None:
        """Unplug the network adapter, halt the machine, and write its state to `path`."""
        if self._plugged_into is self.emulator:
            self.uart(self.uarts[0]).send(UNPLUG)
            self._await(UNPLUGGED, Deadline.after(UNPLUG_SECONDS))
            self.monitor_command("device_del", {"id": ADAPTER})
            self._plugged_into = None
        super().save(path)

    def identity(self) -> str:
        """Return a text that is equal for two machines only if each could resume the other's saved state."""
        self._load()
        identity: str = super().identity()
        return f"{identity} {self.absent}"

    def _load(self) -> None:
        """Load the files that the VideoCore would load from the card."""
        card = self._flashed[str(self._card)]
        board = videocore.Hardware(self._memory, secrets.token_bytes(SEED_BYTES), self.absent)
        loads = videocore.boot(Path(f"/proc/{os.getpid()}/fd/{card.fd}"), board)
        for name in self._addresses:
            if name in self._flashed:
                self._flashed.pop(name).close()
        self._addresses = {load.name: load.address for load in loads}
        self._flashed |= {load.name: keep(Path(load.name), load.data) for load in loads}

    def _await(self, words: bytes, deadline: Deadline) -> None:
        """Wait until these words appear on the console."""
        line, said = self.uart(self.uarts[0]), b""
        try:
            while words not in said:
                said += line.receive(deadline)
        except ConsoleTimeout as error:
            raise error.within(doing=f"waiting for `{words.decode()}`") from None

    def _network(self) -> list[str]:
        return super()._network()[:2]  # without the adapter

    def _media(self) -> list[str]:
        words = ["-drive", f"if=sd,format=raw,snapshot=on{FILE}{option_value(self._card)}"]
        for name, address in self._addresses.items():
            words += ["-device", f"loader,addr={address:#x},force-raw=on{FILE}{option_value(name)}"]
        return words

    def _content(self, image: FlashedImage) -> str:
        """Name files in memory by their names only: the card determines them, except for the seed, which is random."""
        return super()._content(image) if image.source == self._card else str(image.source)

    @property
    def _card(self) -> Path:
        return image_path(self.target, self.card)

    @property
    def _memory(self) -> int:
        """The size of RAM in bytes, from QEMU's `-m`."""
        size = str(self.memory)
        if size[:-1].isdigit() and size[-1:] in _UNITS:
            return int(size[:-1]) * _UNITS[size[-1]]
        raise BoardFileError(f"`memory` is {size!r}; it must be a number with M or G", board=self.board)
