"""The tags of places that have a meaning here. Boards can be asked for by these and all others."""

from __future__ import annotations

BOARD = "board"
"""Puts a place into the pool, and names its board file: `boards/NAME-remote.yaml`, or `boards/NAME.yaml`."""
FILE = "file"
"""The board file, relative to the tree, if it is another one."""
MACHINE = "machine"
"""The machine that the emulator of this place runs on; other places have no such tag."""
BOOT_SECONDS = "boot_seconds"
"""How long the board may be silent after power-on, in seconds."""
WITH_POWER = "with_power"
"""The names of serial ports that are there only while the board has power, separated by commas."""

HEALTH = "health"
"""Written by the keeper: whether the board is in the pool (`good`), to be checked first (`suspect`), or out of it."""
GOOD, SUSPECT, SICK = "good", "suspect", "sick"
