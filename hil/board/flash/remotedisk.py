"""A disk of another machine, accessed by a `dd` that is started there."""

from __future__ import annotations

import errno
import subprocess
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

END_SECONDS = 120.0
"""How long `dd` may take, after its input has ended, to get the last bytes onto the medium."""


class RemoteDisk:
    """Writes or reads a disk sequentially, bypassing the page cache of its machine.

    `prefix` is a command that runs its arguments there, such as ssh with its options.
    """

    def __init__(self, prefix: Sequence[str], path: str, *, writable: bool) -> None:
        """Start `dd`. Raises `OSError`."""
        if writable:
            command = [f"of={path}", "bs=1M", "iflag=fullblock", "oflag=direct", "conv=fsync,notrunc,nocreat"]
        else:
            command = [f"if={path}", "bs=1M", "iflag=direct"]
        self._process = subprocess.Popen(
            [*prefix, "dd", *command],
            stdin=subprocess.PIPE if writable else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if writable else subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def write(self, offset: int, data: bytes) -> None:
        """Write at `offset`, where the last write must have ended. Raises `OSError`."""
        assert self._process.stdin is not None
        assert offset == self._at
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            raise self._failure() from None
        self._at += len(data)

    def read(self, offset: int, size: int) -> bytes:
        """Read at `offset`, where the last read must have ended; less at the end of the disk. Raises `OSError`."""
        assert self._process.stdout is not None
        assert offset == self._at
        data = self._process.stdout.read(size)
        self._at += len(data)
        if len(data) < size and self._process.wait(END_SECONDS):
            raise self._failure()
        return data

    def sync(self) -> None:
        """Wait until all data is on the medium. Raises `OSError`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            status = self._process.wait(END_SECONDS)
        except BrokenPipeError:
            status = 1
        except subprocess.TimeoutExpired:
            raise TimeoutError(errno.ETIMEDOUT, f"no end within {END_SECONDS:g} s") from None
        if status:
            raise self._failure()

    def close(self) -> None:
        """End `dd`."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def _failure(self) -> OSError:
        assert self._process.stderr is not None
        self._process.wait(END_SECONDS)
        said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        why = [line for line in said if line.startswith("dd: ")] or said  # what follows is how much it did
        return OSError(errno.EIO, why[-1] if why else f"dd ended with status {self._process.returncode}")
