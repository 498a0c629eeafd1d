"""The tags of places that mean something to us; boards can be asked for by these and all others."""

from __future__ import annotations

BOARD = "board"
"""Puts a place into the pool, and names its board file: `boards/NAME-remote.yaml`, or `boards/NAME.yaml`."""
FILE = "file"
"""Another board file, relative to the tree."""
MACHINE = "machine"
"""The place is a seat for an emulator, and this is the machine that it may run on."""
BOOT_SECONDS = "boot_seconds"
"""How long the board may be silent after power-on."""

HEALTH = "health"
"""Written by the keeper: whether the board is in the pool, to be checked first, or out of it."""
GOOD, SUSPECT, SICK = "good", "suspect", "sick"
