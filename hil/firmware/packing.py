"""Packs the images that a board starts from, out of the files of Trusted Firmware-A, the engine and the monitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.firmware.errors import BuildFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.firmware.platforms import Platform, PlatformImage


@dataclass(frozen=True, slots=True)
class Packing:
    """The TF-A targets of a platform and the images made from their files. `loaded` are files that other steps make."""

    platform: Platform
    targets: tuple[str, ...]
    images: Mapping[str, PlatformImage]
    loaded: tuple[str, ...]

    @property
    def key(self) -> str:
        """A text that changes with everything that the images depend on besides their parts."""
        return repr((self.targets, self.images))

    def pack(self, made: Path, directory: Path) -> None:
        """Write all images to `directory`, from TF-A's files in `made` and the files that `directory` has already.

        Raises `BuildFailed` when a part does not fit.
        """
        for name in self.platform.declared.images:
            (directory / name).unlink(missing_ok=True)  # an image of an earlier build must not pass for a new one
        for name in self.images:
            self.write(name, made, directory, directory / name)

    def write(self, name: str, made: Path, directory: Path, file: Path, *, fip: Path | None = None) -> None:
        """Write one image to `file`. If `fip` is given, it takes the place of the FIP in `made`."""
        if (image := self.images.get(name)) is None:
            raise BuildFailed(f"the platform {self.platform.name} has no image {name}", doing=f"making {file}")
        content = b""
        for part in image.parts:
            source = directory / part.build if part.build else made / part.tfa
            if part.tfa == "fip.bin" and fip is not None:
                source = fip
            if part.offset and len(content) > part.offset:
                raise BuildFailed(
                    f"what precedes {source.name} has {len(content)} bytes and reaches into it", doing=f"making {file}"
                )
            content = content.ljust(part.offset, bytes([image.fill])) + source.read_bytes()
        size = self.platform.address(image.size) if image.size else len(content)
        if len(content) > size:
            raise BuildFailed(f"{name} has {len(content)} bytes, and room for {size}", doing=f"making {file}")
        file.write_bytes(content.ljust(size, bytes([image.fill])))


def packing_of(platform: Platform, scp: Path | None) -> Packing:
    """Return the packing of a platform's images. `scp` is the SCP firmware for the FIP; None if there is none."""
    declared = platform.declared
    if scp is None and (less := declared.without_scp):
        images = {name: image for name, image in declared.images.items() if name in less.images}
        return Packing(platform, less.targets, images, declared.loaded)
    return Packing(platform, declared.targets, declared.images, declared.loaded)
