"""Where things are: this checkout, what an installed package has of it, what is kept outside of both."""

from __future__ import annotations

import contextlib
import getpass
import os
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path, user_state_path

from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

SET_HOME = "set HOME, or XDG_STATE_HOME and HIL_CACHE"

_PACKAGE = Path(__file__).resolve().parent
_SHIPPED = _PACKAGE / "_shipped"
CHECKOUT = _PACKAGE.parent
"""The checkout that this package is in; for an installed package, a directory with nothing of ours in it."""

SPARE_BYTES = 256 << 20
"""How much space must be free in the cache for compiled modules, which take a tenth of it."""
DAY_SECONDS = 86400.0
_UNLIMITED = resource.RLIM_INFINITY

MISREAD = "\"#$%&'()*,:;<=>?[\\]`{|}"
"""What in a name means something else to make, to the shell of its recipes, or to TF-A's options of gcc (`-Wp,`)."""

_PREPARED = Path("/var/lib/hil")
_EVERYBODYS = Path("/var/tmp/hil")

HIL = (sys.executable, "-m", "hil")
"""Starts the command line of this very package; `hil` on the PATH may be another one."""


def builds(checkout: Path = CHECKOUT, *, coverage: bool = False) -> Path:
    """Return the directory that has a directory of firmware for each platform.

    With `coverage` the service of that firmware counts which of its branches run. That directory is inside the other.
    """
    return checkout / "build" / "coverage" if coverage else checkout / "build"


def shipped(path: str) -> Path:
    """Return `path` below the checkout, or the copy of it in an installed package: boards and shared headers only."""
    return (_SHIPPED if _SHIPPED.is_dir() else CHECKOUT) / path


def cache_root() -> Path:
    """Return the directory for what can be made again: `$HIL_CACHE`, else `hil` below the user's cache directory.

    That is `$XDG_CACHE_HOME`, or `~/.cache` (XDG Base Directory Specification).
    """
    own = os.environ.get("HIL_CACHE")
    if own:
        return Path(own)
    return _below_home("XDG_CACHE_HOME", user_cache_path)


def device_root() -> Path:
    """Return the directory of locks and notes on hardware, which all users of this machine share: `$HIL_DEVICES`.

    Else `/var/lib/hil`, if an administrator has made it for the users of boards, or `/var/tmp/hil`: everybody may write
    in `/var/tmp`, and it outlives a restart.
    """
    if own := os.environ.get("HIL_DEVICES"):
        return Path(own)
    return _PREPARED if _PREPARED.is_dir() else _EVERYBODYS


def state_root() -> Path:
    """Return the directory for notes that must outlive a run: `hil` below `$XDG_STATE_HOME`, or `~/.local/state`."""
    return _below_home("XDG_STATE_HOME", user_state_path)


def keep_byte_code() -> None:
    """Keep compiled modules in the cache where Python is told to keep none, here and in what we start.

    Images of containers say so, to stay small. A run is many processes, and each would compile hundreds of modules.
    Where space is short nothing is kept: Python would leave torn files, which no later run could load.
    """
    if os.environ.get("PYTHONDONTWRITEBYTECODE") and resource.getrlimit(resource.RLIMIT_FSIZE)[0] == _UNLIMITED:
        with contextlib.suppress(UsageError, OSError):
            if shutil.disk_usage(_existing(cache_root())).free < SPARE_BYTES:
                return
            sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache_root() / "bytecode"))
            sys.dont_write_bytecode = False
            del os.environ["PYTHONDONTWRITEBYTECODE"]
            _drop_byte_code_of_nothing(cache_root() / "bytecode")


def _drop_byte_code_of_nothing(kept: Path) -> None:
    """Once a day, remove what was compiled in directories that are gone: many CI systems use each checkout once."""
    looked = kept / ".looked"
    if looked.exists() and time.time() - looked.stat().st_mtime < DAY_SECONDS:
        return
    kept.mkdir(parents=True, exist_ok=True)
    looked.touch()
    for directory, names, _ in os.walk(kept):  # which has the directories of sources below it, by their whole path
        for name in list(names):
            path = Path(directory, name)
            if not (Path("/") / path.relative_to(kept)).is_dir():
                shutil.rmtree(path, ignore_errors=True)
                names.remove(name)


def unbuildable(place: Path) -> str:
    """Return what keeps make from building in a directory, such as "a blank" in its name; empty if nothing does."""
    for character in str(place.absolute()):
        if character.isspace():
            return "a blank"
        if character in MISREAD:
            return f"a `{character}`"
    return ""


def user_name() -> str:
    """Return the name of the user who runs this; of one without a name, as in many containers, the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _below_home(variable: str, path: Callable[[str], Path]) -> Path:
    """Return what `path` says, which looks at `variable` first. Raises `UsageError` where no user could write."""
    if not (os.environ.get(variable) or _has_home()):
        raise UsageError(f"user {user_name()} has no home directory", hint=SET_HOME)
    return path("hil")


def _existing(path: Path) -> Path:
    """Return the nearest directory above `path` that is there, or `path` itself."""
    return next(place for place in (path, *path.parents) if place.is_dir())


def _has_home() -> bool:
    with contextlib.suppress(RuntimeError):
        return Path.home().is_dir()
    return False
