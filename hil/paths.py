"""Where things are: this checkout, what an installed package has of it, what is kept outside of both."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

_PACKAGE = Path(__file__).resolve().parent
_SHIPPED = _PACKAGE / "_shipped"
CHECKOUT = _PACKAGE.parent
"""The checkout that this package is in; for an installed package, a directory with nothing of ours in it."""

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
    return Path(own) if own else user_cache_path("hil")


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
    return user_state_path("hil")
