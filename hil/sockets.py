"""Room for UNIX sockets: their addresses have at most 107 bytes, and TMPDIR alone may be longer than that.

Python's fork server and labgrid's SSH connections listen below the directory for temporary files. CI systems, build
tools and users' homes on networks make that directory's name long.
"""

from __future__ import annotations

import os
import tempfile

from hil.errors import UsageError

LONGEST = 24
"""Bytes of a directory that leave room for what others append: OpenSSH most, the name of a host and two random ones."""


def make_room_for_sockets() -> None:
    """Give the directory for temporary files a short name in this process, if its own one is long.

    The directory stays the same. It is reached by a descriptor of this process, so that nothing must be made elsewhere,
    which may be forbidden, or cleaned up; programs that we start find it as long as we run. Raises `UsageError` when
    there is no directory for temporary files.
    """
    try:
        directory = tempfile.gettempdir()
    except FileNotFoundError as error:
        raise UsageError(f"there is no directory for temporary files: {error.strerror}", hint="set TMPDIR") from None
    if len(os.fsencode(directory)) > LONGEST:  # a short name may be that of the process that forked this one
        descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        tempfile.tempdir = f"/proc/{os.getpid()}/fd/{descriptor}"
