"""What a bring-up leaves behind: a directory with everything, and the same as one file for a bug report."""

from __future__ import annotations

import json
import tarfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hil.files import write_atomically
from hil.record.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.operations.bringup.climb import Climb
    from hil.operations.bringup.ladder import Step
    from hil.record.provenance import Provenance

SCHEMA = 1
RECORD_FILE = "bringup.json"


def as_json(board: str, climb: Climb) -> dict[str, Any]:
    """Return what became of one board, for programs."""
    return {
        "board": board,
        "exit_code": int(climb.error.exit_code) if climb.error else 0,
        "error": str(climb.error) if climb.error else "",
        "steps": [_plain(step) for step in climb.steps],
    }


def _plain(step: Step) -> dict[str, Any]:
    return {**asdict(step), "stage": step.stage.name, "expected": step.stage.expected}


def write_bundle(directory: Path, boards: Sequence[tuple[str, Climb, Provenance]], files: Sequence[Path]) -> Path:
    """Write the record into `directory`, copy `files` there, and return the archive of it all, beside it."""
    content = {
        "schema": SCHEMA,
        "boards": [{**as_json(name, climb), "provenance": plain(found)} for name, climb, found in boards],
    }
    write_atomically(directory / RECORD_FILE, (json.dumps(content, indent=1) + "\n").encode())
    for file in files:
        write_atomically(directory / file.name, file.read_bytes())
    archive = directory.with_suffix(".tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(directory, directory.name)
    return archive
