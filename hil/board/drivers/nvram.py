"""Non-volatile memory of an emulated board: a second flash device that the machine writes to, such as UEFI's variables.

Each power-on starts with the content of the image, so that no test sees what an earlier one has stored. Inside of a
`keeping` block, the content outlives the power, as on hardware.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.drivers.image import FlashedImage

_BLOCK_BYTES = 1 << 16


class NvramFile:
    """A file in memory that one machine writes to, and that QEMU inherits as descriptor `fd`."""

    def __init__(self, size: int) -> None:
        self.fd = os.memfd_create("nvram", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, size)

    @classmethod
    def from_image(cls, image: FlashedImage) -> NvramFile:
        """Return a file with the content of an image. Blocks of zeros take no memory."""
        file = cls(image.size)
        zeros = bytes(_BLOCK_BYTES)
        for offset in range(0, image.size, _BLOCK_BYTES):
            block = os.pread(image.fd, _BLOCK_BYTES, offset)
            if block != zeros[: len(block)]:
                os.pwrite(file.fd, block, offset)
        return file

    @property
    def path(self) -> str:
        """The path by which a process that inherits `fd` can open the file."""
        return f"/proc/self/fd/{self.fd}"

    def close(self) -> None:
        """Free the file, once no machine uses it."""
        os.close(self.fd)


class Nvram:
    """What becomes of the content when the machine is switched off."""

    def __init__(self) -> None:
        self._keeping = False
        self._kept: NvramFile | None = None

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep the content when the power is cut inside of the block; after it, start with that of the image again."""
        self._keeping = True
        try:
            yield
        finally:
            self._keeping = False
            self._drop()

    def for_start(self, image: FlashedImage, *, resuming: bool) -> NvramFile:
        """Return the file for a machine that is about to start.

        A machine that continues from a saved state brings its content along, and writes it to the file itself.
        """
        if resuming:
            return NvramFile(image.size)
        kept, self._kept = self._kept, None
        return kept or NvramFile.from_image(image)

    def ended(self, file: NvramFile) -> None:
        """Note that the machine that used this file was switched off."""
        self._drop()
        if self._keeping:
            self._kept = file
        else:
            file.close()

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None
