"""Platforms that firmware can be built for: the directories of `firmware/platform/` that have a platform.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from hil.errors import UsageError
from hil.headers import firmware_header, read_defines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Content = TypeVar("Content")

DECLARATION = "platform.toml"
ADDRESSES = "vtpm_platform.h"
LINUX = "linux/host.toml"


class ImagePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file in an image: one that TF-A makes, or one that another step makes. `offset` in the image is in bytes."""

    tfa: str = ""
    build: str = ""
    offset: int = 0

    def __post_init__(self) -> None:
        if bool(self.tfa) == bool(self.build):
            raise ValueError("a part has either `tfa` or `build`, which names a file")


class PlatformImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An image that a board starts from: its parts in ascending order, with bytes of `fill` between and behind them.

    `size` names the constant of the platform's header that gives the size of the image in bytes. Without it, the image
    ends with its last part.
    """

    parts: tuple[ImagePart, ...]
    fill: int = 0
    size: str = ""


class WithoutScp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is built if the SCP firmware of the board is missing: TF-A's targets, and the names of the images."""

    targets: tuple[str, ...]
    images: tuple[str, ...]


class OwnLinux(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The differences of a platform's own Linux host from the one that firmware/linux describes.

    `modules` are loaded at start. `devicetree` is a path in the package of the kernel, below usr/lib/linux-image-*.
    """

    modules: tuple[str, ...]
    devicetree: str


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a platform.toml.

    `tfa` is TF-A's name for the platform, `targets` are the make targets of TF-A, and `images` are the images that a
    board starts from. `loaded` are files of the build that a board starts from without packing.
    """

    description: str
    tfa: str
    targets: tuple[str, ...]
    images: dict[str, PlatformImage]
    loaded: tuple[str, ...] = ()
    without_scp: WithoutScp | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform: its directory, and the declaration in it."""

    directory: Path
    declared: Declaration

    @classmethod
    def read(cls, directory: Path) -> Platform:
        """Read the declaration in a directory. Raises `UsageError` when it is missing or has a mistake."""
        return cls(directory, _read(directory / DECLARATION, Declaration, "a platform"))

    @property
    def name(self) -> str:
        """The name of the platform, which is the name of its directory."""
        return self.directory.name

    @property
    def addresses(self) -> Path:
        """The header with the addresses of the platform."""
        return self.directory / ADDRESSES

    @property
    def linux(self) -> OwnLinux | None:
        """The platform's own Linux host; None if it uses that of the emulated machines.

        Raises `UsageError` when its declaration has a mistake.
        """
        declaration = self.directory / LINUX
        return _read(declaration, OwnLinux, "a Linux host") if declaration.is_file() else None

    @property
    def linux_lock(self) -> Path:
        """The lock file that pins the kernel of the platform's own Linux host."""
        return (self.directory / LINUX).with_name("sources.lock")

    def address(self, name: str) -> int:
        """Return the value of a constant of `addresses`, such as `VTPM_ENGINE_PA`."""
        return read_defines(self.addresses)[name]


def read_platforms(folder: Path) -> Mapping[str, Platform]:
    """Return the platforms of `firmware/platform/` by name. Raises `UsageError` for a declaration with a mistake."""
    directories = sorted(path.parent for path in folder.glob(f"*/{DECLARATION}"))
    return {directory.name: Platform.read(directory) for directory in directories}


def _read(path: Path, kind: type[Content], what: str) -> Content:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} does not declare {what}: {error}") from None


PLATFORMS = read_platforms(firmware_header("platform"))
"""The platforms of this checkout by name; empty in an installed package."""


def platform_named(name: str) -> Platform:
    """Return the platform of a name. Raises `UsageError` with the known names if there is none."""
    if not PLATFORMS:
        raise UsageError(
            "there are no sources of firmware here: hil is installed as a package",
            doing=f"building the {name} firmware",
            hint="hil build in a checkout of hil, then `images:` of the board file, or hil run --firmware DIR",
        )
    if name not in PLATFORMS:
        raise UsageError(f"there is no platform {name!r}; there is {', '.join(PLATFORMS)}")
    return PLATFORMS[name]
