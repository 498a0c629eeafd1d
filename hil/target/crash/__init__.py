"""Explains a crash seen on a serial line: what happened, where in the code, and the likely cause."""

from __future__ import annotations

from hil.target.crash.crash import Crash, Place
from hil.target.crash.elf import Elf, find_elfs
from hil.target.crash.explain import explain, explain_error

__all__ = ["Crash", "Elf", "Place", "explain", "explain_error", "find_elfs"]
