"""Writes the record of a bring-up: a directory, and an archive of it for a bug report."""

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

    from hil.operations.bringup.bringup import BringUp
    from hil.operations.bringup.stages import BringUpStep
    from hil.record.provenance import Provenance

SCHEMA = 1
RECORD_FILE = "bringup.json"


def as_json(board: str, bring_up: BringUp) -> dict[str, Any]:
    """Return the bring-up of one board as plain data."""
    return {
        "board": board,
        "exit_code": int(bring_up.error.exit_code) if bring_up.error else 0,
        "error": str(bring_up.error) if bring_up.error else "",
        "steps": [_plain(step) for step in bring_up.steps],
    }


def _plain(step: BringUpStep) -> dict[str, Any]:
    return {**asdict(step), "stage": step.stage.name, "expected": step.stage.expected}


def write_bundle(directory: Path, boards: Sequence[tuple[str, BringUp, Provenance]], files: Sequence[Path]) -> Path:
    """Write the record into `directory`, copy `files` there, and return the archive of it all, beside it."""
    content = {
        "schema": SCHEMA,
        "boards": [{**as_json(name, bring_up), "provenance": plain(found)} for name, bring_up, found in boards],
    }
    write_atomically(directory / RECORD_FILE, (json.dumps(content, indent=1) + "\n").encode())
    for file in files:
        write_atomically(directory / file.name, file.read_bytes())
    archive = directory.with_suffix(".tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(directory, directory.name)
    return archive
