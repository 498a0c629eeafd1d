"""The emulated machine that Linux images are made for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmulatedMachine:
    """Everything of a board that its device tree depends on, and where the kernel is loaded.

    `model` is the value of QEMU's `-M`, `arguments` are the others that shape the machine, addresses are physical.
    """

    program: str
    model: str
    arguments: tuple[str, ...]
    kernel_address: int
    initrd_address: int
    bootargs: str


def option_value(path: object) -> str:
    """Return a path as a value among others in an option of QEMU, which takes a comma for the end of a value."""
    return str(path).replace(",", ",,")
