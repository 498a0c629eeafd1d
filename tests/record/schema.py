"""What a record on disk must be like."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

from hil.record.reference import schema

if TYPE_CHECKING:
    from pathlib import Path


def assert_valid(directory: Path) -> None:
    """Check `run.json`, and the events that hold parts of it, against the published schema."""
    whole = Draft202012Validator(schema())
    whole.validate(json.loads((directory / "run.json").read_text()))
    for line in (directory / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        kind = event.pop("event")
        if kind in ("case", "stage", "fault", "attempt"):
            own = {name: value for name, value in event.items() if name in schema()["$defs"][kind]["properties"]}
            whole.evolve(schema={**schema(), "$ref": f"#/$defs/{kind}", **NOT_THE_RUN}).validate(own)


NOT_THE_RUN = {"properties": {}, "required": [], "additionalProperties": True}
"""Takes the demands of the whole record out of its schema, and leaves the definitions."""
