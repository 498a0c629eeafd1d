"""Suites promise by assertions, which Python leaves out when it is told to optimise."""

from __future__ import annotations

from hil.errors import UsageError


def refuse_without_assertions() -> None:
    """Raise `UsageError` if no assertion of a suite would be checked: then no test could fail."""
    if not __debug__:
        raise UsageError(
            "Python leaves assertions out, so no test could fail",
            hint="no -O, and no PYTHONOPTIMIZE in the environment",
        )
