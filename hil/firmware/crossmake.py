"""Runs make with the cross compiler."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hil.firmware.steps import BuildStep

COMPILER_PREFIX = "aarch64-linux-gnu-"
COMPILER = f"{COMPILER_PREFIX}gcc"


def make(step: BuildStep, directory: Path, *targets: str, **variables: str | Path) -> None:
    """Make targets in a directory, with variables, in parallel on all processors that this process may use."""
    jobs = len(os.sched_getaffinity(0))
    settings = [f"{name}={value}" for name, value in {"CROSS_COMPILE": COMPILER_PREFIX, **variables}.items()]
    step.run("make", "--no-print-directory", f"-j{jobs}", "-C", directory, *settings, *targets)
