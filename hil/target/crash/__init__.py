"""What a crash that was seen on a serial line means: what happened, where in the code, and why most likely."""

from __future__ import annotations

from hil.target.crash.crash import Crash, Place
from hil.target.crash.elf import Elf, of_images
from hil.target.crash.explain import explain, of_error

__all__ = ["Crash", "Elf", "Place", "explain", "of_error", "of_images"]
