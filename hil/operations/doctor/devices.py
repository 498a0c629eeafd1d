"""Devices that connect boards to this machine, and whether this user may use them."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SD_MUX = ("0424", "4041")
"""Vendor and product by which labgrid, too, knows an SD mux (`USBSDMuxDevice`)."""

SERIAL_ADAPTER, SD_MUX_DEVICE, SD_MUX_CARD = "a serial adapter", "an SD mux", "the card in an SD mux"
RULES = "boards/udev/70-hil-boards.rules"


@dataclass(frozen=True, slots=True)
class PluggedDevice:
    """A device file, and what it is of."""

    path: Path
    of: str


def plugged_in(system: Path = Path("/sys"), devices: Path = Path("/dev")) -> list[PluggedDevice]:
    """Return the USB serial adapters and the SD muxes of this machine. `system` is where sysfs is mounted."""
    return [
        *_serial_adapters(system, devices),
        *_of_sd_muxes(system / "class" / "scsi_generic", devices, SD_MUX_DEVICE),
        *_of_sd_muxes(system / "class" / "block", devices, SD_MUX_CARD),
    ]


def denied(found: list[PluggedDevice]) -> list[str]:
    """Say for each device that this user may not read and write what keeps it from that."""
    return [_reason(device) for device in found if not os.access(device.path, os.R_OK | os.W_OK)]


def _serial_adapters(system: Path, devices: Path) -> Iterator[PluggedDevice]:
    for name in ("ttyUSB*", "ttyACM*"):
        for tty in sorted((system / "class" / "tty").glob(name)):
            yield PluggedDevice(devices / tty.name, SERIAL_ADAPTER)


def _of_sd_muxes(class_directory: Path, devices: Path, of: str) -> Iterator[PluggedDevice]:
    for entry in sorted(class_directory.glob("s[dg]*")):
        if _usb_id(entry) == SD_MUX:
            yield PluggedDevice(devices / entry.name, of)


def _usb_id(entry: Path) -> tuple[str, str] | None:
    """Return vendor and product of the USB device that a device of sysfs belongs to, None if it belongs to none."""
    for directory in entry.resolve().parents:
        try:
            vendor, product = (
                (directory / name).read_text(encoding="utf-8").strip() for name in ("idVendor", "idProduct")
            )
        except OSError:
            continue
        return vendor, product
    return None


def _reason(device: PluggedDevice) -> str:
    status = device.path.stat()
    group = _group_name(status.st_gid)
    if not status.st_mode & 0o060:
        why = f"its group {group} may not use it either"
    elif _is_member(group):
        why = f"you have joined the group {group}: log in again"
    else:
        why = f"it takes the group {group}"
    return f"{device.path} ({device.of}): {why}"


def _is_member(group: str) -> bool:
    try:
        return pwd.getpwuid(os.getuid()).pw_name in grp.getgrnam(group).gr_mem
    except KeyError:  # a user or a group without a name
        return False


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
