"""The keys of a board file: what each means, and what it may hold. Messages and documentation are made from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `kind`, and that of what is `inside` a mapping, are of `KINDS`; of `values`, if any, one is meant."""

    meaning: str
    kind: str = "text"
    values: tuple[str, ...] = ()
    inside: str = ""


def _texts(found: Any) -> bool:
    return all(isinstance(one, str) for one in found)


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda found: isinstance(found, str),
    "a whole number": lambda found: isinstance(found, int) and not isinstance(found, bool),
    "a list of texts": lambda found: isinstance(found, list) and _texts(found),
    "a mapping": lambda found: isinstance(found, dict),
    "a mapping, or a list of texts": lambda found: (
        isinstance(found, dict) or (isinstance(found, list) and _texts(found))
    ),
    "a mapping, or a list of entries": lambda found: isinstance(found, dict | list),
}
"""What a value may be, in the words of messages, and whether it is."""

TOP = {
    "imports": Key("Python modules, or files (`mine.py`), with drivers, resources and strategies", "a list of texts"),
    "tools": Key("programs by the names that drivers use, such as `qemu`", "a mapping", inside="text"),
    "images": Key(
        "files that go to the board by the names that drivers use; relative to this file", "a mapping", inside="text"
    ),
    "paths": Key("other files by the names that drivers use; relative to this file", "a mapping", inside="text"),
    "options": Key("what is known of the board as a whole", "a mapping"),
    "features": Key("what all targets have", "a mapping, or a list of texts"),
    "targets": Key("the board, under the name `main`", "a mapping"),
}

TARGET = {
    "features": Key("what tests may ask for (`needs_...`), and how the board has it", "a mapping, or a list of texts"),
    "resources": Key(
        "what is plugged in where: serial ports, switches, places of a lab", "a mapping, or a list of entries"
    ),
    "drivers": Key("how it is used, suppliers first, the strategy last", "a mapping, or a list of entries"),
    "options": Key("options of this target alone", "a mapping"),
}

ENTRY = {
    "cls": Key("the class of the entry, where it is not the key"),
    "name": Key("tells entries of one class apart"),
    "bindings": Key(
        "the names of the entries that this driver uses, where there are several", "a mapping", inside="text"
    ),
}

OPTIONS = {
    "kind": Key("whether the board runs on this machine's processors", values=("emulator", "board")),
    "description": Key("one line for `hil boards`"),
    "facts": Key("for each feature that is missing: the fact about the hardware behind it", "a mapping", inside="text"),
    "suites": Key("the only suites that the board is for", "a list of texts"),
    "linux_board": Key("the same board with images that boot Linux: the name of its file"),
    "hardware": Key("the same piece of hardware with other images: the name of its file"),
    "direct_board": Key("the same guest without a Linux host around it: the name of the board's file"),
    "guest_images": Key(
        "where the images `kernel` and `initrd` for a guest of the monitor lie in memory",
        "a mapping",
        inside="a whole number",
    ),
    "guest_seconds": Key("how long a guest of this board's Linux may take to boot", "a whole number"),
    "bootargs": Key("command line of Linux, which the build puts into its device tree"),
    "coordinator_address": Key("labgrid's coordinator, HOST:PORT, if LG_COORDINATOR does not say it"),
}
BOARD_OPTIONS = ("linux_board", "hardware", "direct_board")
"""Options that name another board file beside this one."""

FEATURES = {
    "secure_space": Key("whether hardware keeps secure memory from EL2 and EL1", values=("protected", "unprotected")),
    "entropy": Key("where the service's random numbers come from"),
    "devicetree": Key("the address of the device tree"),
    "snapshots": Key("what a state after boot is kept in"),
    "host_memory_access": Key("how memory is seen without the board's processors"),
    "stage2_write_check": Key("that AT S12E1W survives a stage-2 permission fault"),
    "device_alignment": Key("that unaligned accesses to device memory are faults"),
    "linux": Key("that the board boots into Linux with KVM, and which"),
    "guest_images": Key("a kernel in memory that the monitor can boot in a VM"),
}
"""Those that hil's own suites ask for; suites of others may ask for more."""

IMAGES = {
    "HilQEMUDriver": ("kernel", "disk", "dtb", "flash", "bios", "loads"),
    "Rpi4TwinDriver": ("card",),
    "BootPartitionDriver": ("config", "armstub", "kernel", "devicetree", "initramfs", "overlays"),
    "CardFlasher": ("image",),
    "JunoFlasher": ("files",),
    "TFTPFlasher": ("files",),
}
"""Attributes of drivers, and of those derived from them, that name images."""
BY_KEY = ("loads",)
"""Those of them that are mappings from images; the others are mappings to images."""
