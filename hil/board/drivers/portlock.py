"""Keeps serial ports of this machine for one program at a time, and names the program that has one open.

Terminal programs lock ports in three ways: by a lock file of UUCP (`minicom`, `cu`, `ser2net`), by `flock` (`picocom`,
`tio`), and by TIOCEXCL (`screen`). Many do not lock at all. So ours locks a port in all three ways, and looks for
whoever has it open. All locks end with the process: the kernel drops two of them, and a lock file of a dead process is
void.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import struct
import tempfile
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import PortInUse

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_DIRECTORIES = (Path("/run/lock"), Path("/var/lock"))
"""Where lock files of UUCP are; on most machines, these are one directory."""
TIOCGEXCL = 0x80045440
"""Tells whether TIOCEXCL is set: linux/include/uapi/asm-generic/ioctls.h."""
PTY_DIRECTORY = "/dev/pts/"
WITHOUT_LOCK_FILE: tuple[str, ...] = (PTY_DIRECTORY,)
"""Where ports have no lock file: the number of a pty is used again at once, and each container has its own."""
_PROC = Path("/proc")
_SOMEBODY = "a program that this user cannot see"


@dataclass(frozen=True, slots=True)
class Program:
    """A process that has a port open."""

    pid: int

    @property
    def name(self) -> str:
        """The name of the program."""
        try:
            return (_PROC / str(self.pid) / "comm").read_text(encoding="utf-8").strip()
        except OSError:
            return "a program"

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return (_PROC / str(self.pid)).exists()

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


class PortLocks:
    """The ports that a driver keeps, also while they are closed because the board is off."""

    def __init__(self) -> None:
        self._files: dict[str, list[Path]] = {}

    def take(self, path: str, what: str, board: str) -> None:
        """Keep a port until `release`. Raises `PortInUse` if another program has it, and names it."""
        path = os.path.realpath(path)
        if path in self._files or not Path(path).exists():
            return
        by_file, holder = _uucp_holder(path)
        holder = holder or _holder(path)
        if holder:
            raise PortInUse(
                f"{what} ({path}) is in use: {holder} has it open{by_file}",
                board=board,
                hint=f"end {holder}, then run again{_remark(holder)}",
            )
        self._files[path] = list(_lock_files(path))

    def release(self) -> None:
        """Let other programs have the ports."""
        for files in self._files.values():
            for file in files:
                file.unlink(missing_ok=True)
        self._files = {}


def users(path: str) -> list[Program]:
    """Return the other processes that have a port open. Those of other users show only to root."""
    path = os.path.realpath(path)
    try:
        port = Path(path).stat()
    except OSError:
        return []
    us = os.getpid()
    others = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [Program(pid) for pid in others if pid != us and _has_open(pid, path, port)]


def exclude_others(fd: int, path: str) -> None:
    """Lock an open port. Raises `BlockingIOError` if another program has locked it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(error.errno, f"{_flock_holder(fd) or _SOMEBODY} has locked {path}") from None
    with contextlib.suppress(OSError):  # not every kind of port has it
        fcntl.ioctl(fd, termios.TIOCEXCL)


def admit_others(fd: int) -> None:
    """Undo `exclude_others` before the port is closed: TIOCEXCL stays as long as anybody has it open."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.TIOCNXCL)


def _holder(path: str) -> str:
    """Return who has a port open, empty if nobody has."""
    if programs := users(path):
        return ", ".join(map(str, programs))
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        # Whatever else is wrong with it, opening the port in earnest will tell.
        return _SOMEBODY if error.errno == errno.EBUSY else ""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _SOMEBODY if _is_exclusive(fd, path) else ""
    except BlockingIOError:
        return _flock_holder(fd) or _SOMEBODY
    finally:
        os.close(fd)


def _is_exclusive(fd: int, path: str) -> bool:
    """Whether TIOCEXCL is set, which does not keep root out. On a pty, it may be left from a program that is gone."""
    if path.startswith(PTY_DIRECTORY):
        return False
    try:
        return bool(struct.unpack("i", fcntl.ioctl(fd, TIOCGEXCL, struct.pack("i", 0)))[0])
    except OSError:
        return False


def _flock_holder(fd: int) -> str:
    """Return who holds the `flock` of an open file, empty if the kernel does not tell."""
    file = os.fstat(fd)
    inode = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    with contextlib.suppress(OSError):
        for line in (_PROC / "locks").read_text(encoding="utf-8").splitlines():
            fields = line.split()
            if "FLOCK" in fields and inode in fields and int(fields[4]) > 0:
                return str(Program(int(fields[4])))
    return ""


def _uucp_holder(path: str) -> tuple[str, str]:
    """Return how a lock file tells who has a port, and who; empty if there is none, or one of a dead process."""
    for file in _uucp_files(path):
        pid = _pid_in(file)
        program = Program(pid)
        if pid and pid != os.getpid() and program.alive:
            return f", as its lock file {file} says", str(program)
    return "", ""


def _lock_files(path: str) -> Iterator[Path]:
    """Write the lock files of UUCP, and yield those that this user may write."""
    for file in _uucp_files(path):
        try:
            file.unlink(missing_ok=True)  # whoever has it is dead: `_uucp_holder` has looked
            with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix="LTMP.") as new:
                new.write(f"{os.getpid():10d}\n")
                new.flush()
                Path(new.name).chmod(0o644)
                os.link(new.name, file)  # unlike a rename, it fails if somebody else was faster
        except OSError:
            continue
        yield file


def _uucp_files(path: str) -> list[Path]:
    if path.startswith(WITHOUT_LOCK_FILE):
        return []
    name = "LCK.." + path.removeprefix("/dev/").replace("/", "_")
    return [directory / name for directory in dict.fromkeys(map(Path.resolve, LOCK_DIRECTORIES)) if directory.is_dir()]


def _pid_in(file: Path) -> int:
    """Return the process that a lock file names: in ten characters or, in an older format, as an integer."""
    try:
        content = file.read_bytes()
    except OSError:
        return 0
    if found := re.match(rb"\s*(\d+)\b", content):
        return int(found[1])
    return int(struct.unpack("i", content)[0]) if len(content) == struct.calcsize("i") else 0


def _has_open(pid: int, path: str, port: os.stat_result) -> bool:
    """Whether a process has a port open. The process behind a pty, which is the other end of the line, does not count.

    Nor does a process that we may not look into.
    """
    fds = _PROC / str(pid) / "fd"
    found = False
    with contextlib.suppress(OSError):
        for fd in fds.iterdir():
            with contextlib.suppress(OSError):
                link = str(fd.readlink())
                if link in ("/dev/ptmx", "/dev/pts/ptmx") and _is_behind(pid, fd.name, path):
                    return False
                found = found or (link.startswith("/dev/") and _is_same(fd.stat(), port, path))
    return found


def _is_same(opened: os.stat_result, port: os.stat_result, path: str) -> bool:
    if not stat.S_ISCHR(opened.st_mode) or opened.st_rdev != port.st_rdev:
        return False
    return opened.st_dev == port.st_dev or not path.startswith(PTY_DIRECTORY)  # each container numbers its own from 0


def _is_behind(pid: int, fd: str, path: str) -> bool:
    said = (_PROC / str(pid) / "fdinfo" / fd).read_text(encoding="utf-8")
    index = re.search(r"^tty-index:\s*(\d+)", said, re.MULTILINE)
    return index is not None and path == f"{PTY_DIRECTORY}{index[1]}"


def _remark(holder: str) -> str:
    if "ModemManager" not in holder:
        return ""
    return "; ModemManager tries every new port: exclude the adapter by a udev rule with ENV{ID_MM_DEVICE_IGNORE}=1"
