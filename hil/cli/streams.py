"""Standard streams as the commands need them: open, able to show every character, and never the end of a run.

What is left to do when a stream fails, such as to switch a board off and to write its record, matters more than what
the stream would have shown.
"""

from __future__ import annotations

import codecs
import errno
import io
import locale
import os
import select
import sys
import unicodedata
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

READABLE = "hil.readable"
"""The name of the error handler for characters that a stream cannot encode."""
UTF8_MODE = "PYTHONUTF8"
_UTF8 = {"utf-8", "utf8"}
_NEAREST = str.maketrans(
    {"→": "->", "≤": "<=", "≥": ">=", "✓": "+", "✗": "x", "µ": "u", "·": ".", "•": "*", "─": "-", "━": "-", "│": "|"}
)
"""What comes nearest to characters that we print, where Unicode does not say it."""


def prepare_streams() -> None:
    """Open standard streams that are closed, and make both outputs show every character and survive their reader."""
    codecs.register_error(READABLE, _readable)
    _open_closed()
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process is
    sys.stdout = _surviving(sys.stdout, sys.__stdout__, 1)
    sys.stderr = _surviving(sys.stderr, sys.__stderr__, 2)


def needs_utf8_mode() -> bool:
    """Set Python's UTF-8 mode for what we start, if the locale has another encoding; returns whether that is new.

    Board files and suites are UTF-8, whatever the locale is, and not only we read them: labgrid does, too. The terminal
    keeps the encoding of the locale.
    """
    if sys.flags.utf8_mode or locale.getpreferredencoding(False).lower() in _UTF8 or os.environ.get(UTF8_MODE) == "1":
        return False
    os.environ[UTF8_MODE] = "1"
    os.environ.setdefault("PYTHONIOENCODING", locale.getpreferredencoding(False))
    return True


def restart() -> None:
    """Start this command again, since Python reads some of its settings only when it starts.

    Nothing happens where another program has called us.
    """
    # A caller may have set sys.argv; what Python was started with is either the command or `-m hil`.
    if any(Path(word).name == "hil" for word in sys.orig_argv[1:]):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def lost_output() -> str:
    """Return why what was written to standard output did not all arrive, empty if it did or its reader had enough."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    lost = raw.lost if isinstance(raw, _SurvivingFile) else None
    return "" if lost is None or lost.errno == errno.EPIPE else str(lost.strerror)


class _SurvivingFile(io.FileIO):
    """A file that takes everything: once it cannot be written any more, what comes is dropped."""

    lost: OSError | None = None
    """The error with which that began."""

    def write(self, data: Buffer, /) -> int:
        """Write some of `data`, as `FileIO` does, but wait where another program has made the file non-blocking."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            self.lost = self.lost or error
            # Others write there, too, such as the programs that we start.
            _to_nothing(self.fileno())
            return memoryview(data).nbytes
        return written


def _surviving(stream: IO[str] | None, original: IO[str] | None, descriptor: int) -> IO[str]:
    if stream is not original:  # somebody captures it, who then also knows what to do with it
        assert stream is not None
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_SurvivingFile(descriptor, "w", closefd=False)),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors=READABLE,
        line_buffering=descriptor == 2 or os.isatty(descriptor),
        write_through=getattr(stream, "write_through", False),
    )


def _open_closed() -> None:
    """Occupy the descriptors that are closed: or the next file to be opened would get what is printed."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _to_nothing(descriptor)


def _to_nothing(descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != descriptor:
        os.dup2(nothing, descriptor)
        os.close(nothing)
    os.set_inheritable(descriptor, True)


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Write the nearest ASCII characters in place of what cannot be encoded, or its code where there are none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_nearest, text)), error.end


def _nearest(character: str) -> str:
    near = unicodedata.normalize("NFKD", character.translate(_NEAREST)).encode("ascii", "ignore").decode()
    return near or character.encode("ascii", "backslashreplace").decode()
