"""The platforms that there is firmware for: the directories of `firmware/platform/`, each with a platform.toml."""

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
    """A file that goes into an image: one that TF-A made, or one of the build's own. `offset` is in bytes."""

    tfa: str = ""
    build: str = ""
    offset: int = 0

    def __post_init__(self) -> None:
        if bool(self.tfa) == bool(self.build):
            raise ValueError("a part has either `tfa` or `build`, which names a file")


class PlatformImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that a board starts from: its parts in ascending order, with bytes of `fill` between and behind them.

    `size` names a constant of the platform's header: the bytes that the image has. Without it, the last part ends it.
    """

    parts: tuple[ImagePart, ...]
    fill: int = 0
    size: str = ""


class WithoutScp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is built where the SCP firmware of the lab is missing: TF-A's targets, and which of the images."""

    targets: tuple[str, ...]
    images: tuple[str, ...]


class OwnLinux(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the Linux host of a platform has in the place of what firmware/linux says.

    `modules` are loaded at start, `devicetree` is a path in the package of the kernel, below usr/lib/linux-image-*.
    """

    modules: tuple[str, ...]
    devicetree: str


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a platform.toml.

    `tfa` is TF-A's name for the platform, `targets` are what TF-A makes, `images` the files that a board starts from.
    `loaded` are files of the build that a board starts from as they are.
    """

    description: str
    tfa: str
    targets: tuple[str, ...]
    images: dict[str, PlatformImage]
    loaded: tuple[str, ...] = ()
    without_scp: WithoutScp | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform: its directory, and what it declares."""

    directory: Path
    declared: Declaration

    @classmethod
    def read(cls, directory: Path) -> Platform:
        """Read the declaration in a directory. Raises `UsageError` when something in it is missing or wrong."""
        return cls(directory, _read(directory / DECLARATION, Declaration, "a platform"))

    @property
    def name(self) -> str:
        """The name of the platform, which is that of its directory."""
        return self.directory.name

    @property
    def addresses(self) -> Path:
        """The header that says where everything lies."""
        return self.directory / ADDRESSES

    @property
    def linux(self) -> OwnLinux | None:
        """A Linux of its own, if that of the emulated machines will not do.

        Raises `UsageError` when something in its declaration is missing or wrong.
        """
        declaration = self.directory / LINUX
        return _read(declaration, OwnLinux, "a Linux host") if declaration.is_file() else None

    @property
    def linux_lock(self) -> Path:
        """The lock file that pins the kernel of its own Linux."""
        return (self.directory / LINUX).with_name("sources.lock")

    def address(self, name: str) -> int:
        """Return a number of that header, such as `VTPM_ENGINE_PA`."""
        return read_defines(self.addresses)[name]


def read_platforms(folder: Path) -> Mapping[str, Platform]:
    """Return the platforms of `firmware/platform/` by their names. Raises `UsageError` for one that is wrong."""
    directories = sorted(path.parent for path in folder.glob(f"*/{DECLARATION}"))
    return {directory.name: Platform.read(directory) for directory in directories}


def _read(path: Path, kind: type[Content], what: str) -> Content:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} does not declare {what}: {error}") from None


PLATFORMS = read_platforms(firmware_header("platform"))
"""The platforms of this checkout; none in an installed package."""


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
