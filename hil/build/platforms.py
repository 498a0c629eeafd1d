"""The platforms that there is firmware for."""

from __future__ import annotations

from dataclasses import dataclass

from hil.errors import UsageError


@dataclass(frozen=True, slots=True)
class Platform:
    """What differs between platforms. `fip_offset` is where BL1 looks for the FIP, in bytes from the flash's start."""

    name: str
    tfa_name: str
    fip_offset: int


PLATFORMS = {
    platform.name: platform
    for platform in (
        # PLAT_QEMU_FIP_BASE of TF-A's plat/qemu/qemu/include/platform_def.h.
        Platform("qemu-virt", "qemu_virt", 0x40000),
    )
}


def platform_named(name: str) -> Platform:
    """Return a platform. Raises `UsageError` with the names there are."""
    if name not in PLATFORMS:
        raise UsageError(f"there is no platform {name!r}; there is {', '.join(PLATFORMS)}")
    return PLATFORMS[name]
