"""labgrid driver: an image on an SD card, by way of a USB SD mux or a card reader."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.step import step

from hil.deadline import Deadline
from hil.drivers.boardfile import board_name
from hil.drivers.protocols import FlasherProtocol
from hil.errors import BoardFileError, InfrastructureError
from hil.flash import FlashMemory, FlashPlan, FlashResult, MediumMissing, Meter, Payload, flash, silent
from hil.flash.card import Card
from hil.flash.disk import DiskFacts, Expected, examine

if TYPE_CHECKING:
    from collections.abc import Iterator

APPEAR_SECONDS = 15.0
"""How long a card may take to be seen after the mux was switched."""
LOOK_AGAIN_SECONDS = 0.05
SETTLE_SECONDS = 30.0

_KINDS = ("SUBSYSTEM", "DEVTYPE", "ID_VENDOR_ID", "ID_MODEL_ID")
"""What labgrid matches by says what kind of thing is meant, not which one."""

_TEXT = attr.validators.instance_of(str)
_SIZE: Any = attr.validators.instance_of((int, float))


@target_factory.reg_driver
@attr.s(eq=False)
class CardFlasher(Driver, FlasherProtocol):  # type: ignore[misc]
    """Writes one image to a card and reads it back.

    With an SD mux, the card is taken from the board, and given back only when all went well: a board with half an
    image finds no card.

    Args:
        image: the image, by its key
        serial: serial number that the disk must have, as `lsblk -o SERIAL` shows it; of a reader, not of the card
        smallest, largest: gigabytes (10^9 bytes) that the card must have
    """

    bindings = {  # noqa: RUF012 - labgrid's way
        "storage": {"CardReader", "USBMassStorage", "USBSDMuxDevice"},
        "mux": {"USBSDMuxDriver", None},
    }

    image: str = attr.ib(validator=_TEXT)
    serial: str = attr.ib(default="", validator=_TEXT)
    smallest: float = attr.ib(default=0.0, validator=_SIZE)
    largest: float = attr.ib(default=128.0, validator=_SIZE)

    @property
    def memory(self) -> FlashMemory:
        """What is known of the board's card."""
        return FlashMemory(board_name(self.target))

    def check(self) -> None:
        """Raise `BoardDirty` unless the board was last flashed well."""
        self.memory.check()

    def plan(self) -> FlashPlan:
        """Return what `flash` would do."""
        steps = ["switch the board off", "write the image", "read it back, past the page cache, and compare"]
        if self.mux is not None:
            steps.insert(1, "SD mux: give the card to this machine")
            steps.append("SD mux: give the card to the board")
        return FlashPlan(self._medium.name, self._payload, tuple(steps), self.memory.read(), self._found())

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def flash(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Flash the card."""
        return flash(self._payload, self._medium, self.memory, force=force, meter=meter or silent)

    @property
    def _payload(self) -> Payload:
        try:
            path = self.target.env.config.get_image_path(self.image)
        except KeyError as error:
            raise BoardFileError(f"{self.target.env.config_file}: {error.args[0]}") from None
        return Payload.of([(Path(path).resolve(), "/")])

    @property
    def _medium(self) -> Card:
        gigabyte = 10**9
        expected = Expected(self.serial, int(self.smallest * gigabyte), int(self.largest * gigabyte))
        return Card(named(self.storage), lambda: str(self.storage.path), expected, self._attached)

    @contextlib.contextmanager
    def _attached(self) -> Iterator[None]:
        self._switch("host")
        self._await_card()
        yield
        settle()
        self._switch("dut")

    def _switch(self, mode: str) -> None:
        if self.mux is None:
            return
        try:
            self.mux.set_mode(mode)
        except (subprocess.CalledProcessError, OSError) as error:
            raise InfrastructureError(
                f"the SD mux does not switch to `{mode}`: {error}", hint="usbsdmux, from its package, is needed for it"
            ) from error

    def _await_card(self) -> DiskFacts:
        """Wait until the reader shows a card: nothing tells when sysfs has its size, so it is asked again and again."""
        deadline = Deadline.after(APPEAR_SECONDS)
        while not deadline.expired:
            self.target.update_resources()
            with contextlib.suppress(MediumMissing):
                if self.storage.path and (facts := examine(self.storage.path)).size:
                    return facts
            time.sleep(LOOK_AGAIN_SECONDS)
        raise MediumMissing(f"{named(self.storage)} shows no card within {deadline}", hint="is there a card in it?")

    def _found(self) -> str:
        self.target.update_resources()
        if not self.storage.path:
            return "not there"
        try:
            return str(examine(self.storage.path))
        except InfrastructureError as error:
            return error.message


def named(storage: Any) -> str:
    """Return what the board file calls a disk by, the same wherever it is found today."""
    match = getattr(storage, "match", None)
    if match is None:
        return f"{type(storage).__name__} {storage.path}"
    chosen = {key: value for key, value in match.items() if key.lstrip("@") not in _KINDS}
    if not chosen:
        raise BoardFileError(
            f"{type(storage).__name__} has nothing in `match` that names one disk",
            hint="ID_SERIAL_SHORT or @ID_PATH, as `labgrid-suggest` shows them",
        )
    words = (f"{key.lstrip('@')}={value}" for key, value in sorted(chosen.items()))
    return f"{type(storage).__name__} {', '.join(words)}"


def settle() -> None:
    """Let udev finish with a disk that was just written, since it reads the new partition table."""
    if shutil.which("udevadm"):
        subprocess.run(
            ["udevadm", "settle", f"--timeout={SETTLE_SECONDS:.0f}"],
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=2 * SETTLE_SECONDS,
        )
