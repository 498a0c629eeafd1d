"""A medium that holds a single image from its first byte on: an SD card, or a file in place of one."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.board.flash.content import ZEROS
from hil.board.flash.disk import CHUNK_BYTES, Disk, Expected, examine, refuse, rounded
from hil.board.flash.procedure import FlashPhase
from hil.board.flash.remotedisk import RemoteDisk
from hil.errors import BoardUnreachable, FlashError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from hil.board.flash.payload import Payload, PayloadFile
    from hil.board.flash.procedure import Meter


@dataclass(frozen=True, slots=True)
class Card:
    """A `Medium` for one image. `path` returns its current path, which is unknown until it is attached.

    If `prefix` is not empty, it is a command that runs its arguments on another machine, which has the card.
    """

    name: str
    path: Callable[[], str]
    expected: Expected = field(default_factory=Expected)
    prefix: tuple[str, ...] = ()
    attached: Callable[[], AbstractContextManager[None]] = nullcontext

    def check(self, payload: Payload) -> None:
        """Refuse every disk but the expected one, and this one, too, if it cannot be written."""
        refuse(examine(self.path(), self.prefix), self.expected, rounded(payload.size))
        with self._opened(writable=True):
            pass

    def agrees(self, payload: Payload) -> bool:
        """Compare the first bytes: partition table, file system and, in most images, what the board boots."""
        (image,) = payload.files
        with self._opened(writable=False) as disk, image.open() as source:
            head = source.read(CHUNK_BYTES)
            try:
                return disk.read(0, len(head)) == head
            except OSError:
                return False

    def write(self, payload: Payload, meter: Meter) -> None:
        """Write the image, and zeros up to the end of its last sector.

        Zeros are only written where the medium has something else. What a block map says has no content is left alone.
        """
        (image,) = payload.files
        digest = hashlib.sha256()
        with self._opened(writable=True) as disk, image.open() as source:
            done = 0
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                try:
                    if not self._may_skip(disk, image, done, chunk):
                        disk.write(done, chunk)
                except OSError as error:
                    raise FlashError(f"the write at byte {done} of {image.size} failed: {error.strerror}") from error
                done += len(chunk)
                meter(FlashPhase.WRITING, done, image.size)
            try:
                disk.sync()
            except OSError as error:
                raise FlashError(f"the data did not get onto the medium: {error.strerror}") from error
        if digest.hexdigest() != image.sha256:
            raise FlashError(f"{image.source} changed while it was written")

    def verify(self, payload: Payload, meter: Meter) -> None:
        """Compare the medium with the image, but for what a block map says has no content.

        The error names the first byte that differs.
        """
        (image,) = payload.files
        digest = hashlib.sha256()
        with self._opened(writable=False) as disk, image.open() as source:
            done = 0
            while chunk := source.read(CHUNK_BYTES):
                if not self._is_unmapped(image, done, chunk):
                    try:
                        found = disk.read(done, len(chunk))
                    except OSError as error:
                        message = f"reading back at byte {done} of {image.size} failed: {error.strerror}"
                        raise FlashError(message) from error
                    if found != chunk:
                        raise FlashError(_difference(done, chunk, found))
                digest.update(chunk)
                done += len(chunk)
                meter(FlashPhase.VERIFYING, done, image.size)
        if digest.hexdigest() != image.sha256:
            raise FlashError(f"{image.source} changed while it was read back")

    def _is_unmapped(self, image: PayloadFile, offset: int, chunk: bytes) -> bool:
        """Return whether a block map says that no byte of a chunk has content; always false for a remote medium."""
        return not self.prefix and image.blocks is not None and not image.blocks.covers(offset, offset + len(chunk))

    def _may_skip(self, disk: Disk | RemoteDisk, image: PayloadFile, offset: int, chunk: bytes) -> bool:
        """Return whether a chunk need not be written: it is unmapped, or zeros that are on the medium already.

        A remote medium is written from its first byte to its last: it cannot be read in between.
        """
        if self.prefix or self._is_unmapped(image, offset, chunk):
            return not self.prefix
        if len(chunk) < CHUNK_BYTES or chunk != ZEROS:
            return False
        try:
            return disk.read(offset, len(chunk)) == chunk
        except OSError:
            return False  # a write may repair what cannot be read

    @contextmanager
    def _opened(self, *, writable: bool) -> Iterator[Disk | RemoteDisk]:
        path = self.path()
        try:
            disk = self._open(path, writable=writable)
        except OSError as error:
            hint = "is the card write-protected, or may only another user write to it?"
            raise BoardUnreachable(f"cannot open {path}: {error.strerror}", hint=hint) from error
        with disk:
            yield disk

    def _open(self, path: str, *, writable: bool) -> Disk | RemoteDisk:
        if self.prefix:
            return RemoteDisk(self.prefix, path, writable=writable)
        return Disk(path, writable=writable)


def _difference(start: int, written: bytes, found: bytes) -> str:
    if len(found) < len(written):
        return f"the medium ends at byte {start + len(found)}"
    at = next(index for index, byte in enumerate(written) if byte != found[index])
    return f"byte {start + at} reads back as {found[at]:#04x}, but {written[at]:#04x} was written"
