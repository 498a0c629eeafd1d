"""The platforms that there is firmware for: each directory of `firmware/platform/` declares one."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.headers import firmware_header, read_defines

if TYPE_CHECKING:
    from pathlib import Path

DECLARATION = "platform.toml"
ADDRESSES = "vtpm_platform.h"


class Images(StrEnum):
    """What a platform starts from; see `hil.firmware.packing`."""

    PFLASH = "pflash"
    ARMSTUB = "armstub"
    FIP = "fip"


@dataclass(frozen=True, slots=True)
class OwnLinux:
    """What the Linux host of a platform has in the place of what firmware/linux says.

    `lock` pins its kernel, `modules` are loaded at start, `devicetree` is a path in the kernel's package, below
    usr/lib/linux-image-*.
    """

    lock: Path
    modules: tuple[str, ...]
    devicetree: str


@dataclass(frozen=True, slots=True)
class Platform:
    """What differs between platforms. `tfa_name` is what TF-A calls it, `directory` is where it is described."""

    name: str
    description: str
    tfa_name: str
    images: Images
    directory: Path

    @classmethod
    def declared(cls, declaration: Path) -> Platform:
        """Read a declaration. Raises `UsageError` when it lacks something."""
        try:
            content = tomllib.loads(declaration.read_text(encoding="utf-8"))
            directory = declaration.parent
            return cls(directory.name, content["description"], content["tfa"], Images(content["images"]), directory)
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"{declaration} does not declare a platform: {error!r}") from None

    @property
    def addresses(self) -> Path:
        """The header that says where everything lies."""
        return self.directory / ADDRESSES

    @property
    def linux(self) -> OwnLinux | None:
        """A Linux of its own, if emulated machines' will not do. Raises `UsageError` when it lacks something."""
        declaration = self.directory / "linux" / "host.toml"
        if not declaration.is_file():
            return None
        try:
            content = tomllib.loads(declaration.read_text(encoding="utf-8"))
            return OwnLinux(
                declaration.with_name("sources.lock"), tuple(content["modules"]), str(content["devicetree"])
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{declaration} does not declare a Linux host: {error!r}") from None

    def address(self, name: str) -> int:
        """Return a number of that header, such as `VTPM_ENGINE_PA`."""
        return read_defines(self.addresses)[name]


PLATFORMS = {
    platform.name: platform
    for platform in map(Platform.declared, sorted(firmware_header("platform").glob(f"*/{DECLARATION}")))
}


def platform_named(name: str) -> Platform:
    """Return a platform. Raises `UsageError` with the names there are."""
    if not PLATFORMS:
        raise UsageError(
            "there are no sources of firmware here: hil is installed as a package",
            doing=f"building the {name} firmware",
            hint="hil build in a checkout of hil, then `images:` of the board file, or hil run --firmware DIR",
        )
    if name not in PLATFORMS:
        raise UsageError(f"there is no platform {name!r}; there is {', '.join(PLATFORMS)}")
    return PLATFORMS[name]
