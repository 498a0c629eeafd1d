"""Consoles as a person uses them: text that is expected and typed, and commands at the prompt of any firmware."""

from __future__ import annotations

from hil.target.console.console import Console
from hil.target.console.dialects import PLAIN, POSIX, UBOOT, UEFI, Dialect
from hil.target.console.prompt import Answer, Judge, Prompt

__all__ = [
    "PLAIN",
    "POSIX",
    "UBOOT",
    "UEFI",
    "Answer",
    "Console",
    "Dialect",
    "Judge",
    "Prompt",
]
