"""Leaves the framework's own frames out of the traceback of an error that explains itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import HilError

if TYPE_CHECKING:
    from types import TracebackType

    import pytest

FRAMEWORK = ("hil", "labgrid", "contextlib", "tpm2_pytss")
"""Packages whose frames say nothing about why a test failed."""
RUNNERS = ("_pytest", "pluggy")
_HIDDEN = "__tracebackhide__"
"""A variable of a frame, or of its module, by which pytest leaves it out, unless it is called with `--fulltrace`."""


def hide_framework(call: pytest.CallInfo[None]) -> None:
    """Hide frames of the framework if the error is one of its own, and if frames of a test are left to be shown."""
    error = call.excinfo.value if call.excinfo else None
    if error is None or not (isinstance(error, HilError) or _package(type(error).__module__) in FRAMEWORK):
        return
    frames = [trace.tb_frame for trace in _chain(error)]
    packages = [_package(str(frame.f_globals.get("__name__", ""))) for frame in frames]
    if all(package in FRAMEWORK + RUNNERS for package in packages):
        return
    for frame, package in zip(frames, packages, strict=True):
        if package in FRAMEWORK:
            frame.f_globals.setdefault(_HIDDEN, True)


def _chain(error: BaseException) -> list[TracebackType]:
    found = []
    trace = error.__traceback__
    while trace is not None:
        found.append(trace)
        trace = trace.tb_next
    return found


def _package(module: str) -> str:
    return module.partition(".")[0]
