"""Finds out whether an unexpected exception came from a driver: then it says nothing about the firmware."""

from __future__ import annotations

import sysconfig
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_DRIVERS = ("hil.board", "labgrid")
"""Packages whose functions work for drivers."""
_ABOVE = ("hil.target", "hil.linux", "hil.session")
"""Packages that interpret what the firmware says: if they stumble, the firmware may be the reason."""


def driver_behind(error: BaseException) -> str:
    """Return the name of the driver in which an exception was raised, perhaps by a library; empty if in none.

    What was called last decides: a test that is called back by a driver is not the driver.
    """
    from labgrid.binding import BindingMixin  # which imports all of labgrid's drivers; to collect tests takes none

    for frame in reversed(list(_frames(error))):
        module = str(frame.f_globals.get("__name__", ""))
        if isinstance(owner := frame.f_locals.get("self"), BindingMixin):
            return type(owner).__name__
        if _is_in(module, _DRIVERS):
            return module
        if _is_in(module, _ABOVE) or not (_is_in(module, ("hil",)) or _is_library(frame)):
            return ""
    return ""


def _frames(error: BaseException) -> Iterator[FrameType]:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        yield frame


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _is_library(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith(_LIBRARIES) or not file.endswith(".py")  # such as "<frozen importlib._bootstrap>"
