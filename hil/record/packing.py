"""The transcripts and events of a run on disk: plain while it goes on, and compressed in the end if they are long.

A long transcript is mostly requests and answers of the monitor, of which nobody reads all. As `<uart>.log.gz` it takes
a tenth of the space, and `zless`, `zgrep` and the page of the run still read it. So do the events: `run.json` tells the
same once the run has ended.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

from hil.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_Path = TypeVar("_Path", bound=PurePath)

PLAIN_BYTES = 64 * 1024
"""A file that is not longer stays as it is, for every program that reads text."""
MOST_BYTES = 256 * 1024 * 1024
"""No more of a packed file is read at once: it may come from elsewhere, and unpack to anything."""
LOG, RAW, PACKED = ".log", ".raw", ".gz"
EVENTS_FILE = "events.jsonl"
_LEVEL = 9
"""Of the compression: the page of all consoles has the result, too, so that its size counts twice."""


def transcripts(directory: Path) -> Iterator[Path]:
    """Yield the logs of all consoles below the directory of a run, by their plain names, whether packed or not."""
    found = {path.with_suffix("") if path.suffix == PACKED else path for path in _files(directory, LOG)}
    yield from sorted(log for log in found if exists(log.with_suffix(RAW)))


def exists(file: Path) -> bool:
    """Whether a file is there, plain or packed; `file` is its plain name."""
    return file.exists() or packed(file).exists()


def packed(file: _Path) -> _Path:
    """Return the name that a file has when it is packed."""
    return file.with_name(file.name + PACKED)


def read(file: Path) -> bytes:
    """Return the content of a file that is there, plain or packed; `file` is its plain name.

    Raises `OSError`: `FileNotFoundError` if it is not there, `gzip.BadGzipFile` if it is damaged.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        with gzip.open(packed(file)) as content:
            try:
                return content.read(MOST_BYTES)
            except (EOFError, zlib.error) as error:
                raise gzip.BadGzipFile(f"{packed(file)} is damaged: {error}") from error


def pack(directory: Path) -> None:
    """Compress long transcripts and events in the directory of a run that has ended. Raises `OSError`.

    Each file is there at every moment, in one form or the other, however this ends.
    """
    for file in [*_files(directory, LOG), *_files(directory, RAW), *directory.glob(EVENTS_FILE)]:
        ours = not (file.is_symlink() or file.parent.is_symlink())
        if ours and file.suffix != PACKED and file.stat().st_size > PLAIN_BYTES:
            write_atomically(packed(file), gzip.compress(file.read_bytes(), _LEVEL, mtime=0))
            file.unlink()


def _files(directory: Path, suffix: str) -> list[Path]:
    return [*directory.glob(f"*/*{suffix}"), *directory.glob(f"*/*{suffix}{PACKED}")]
