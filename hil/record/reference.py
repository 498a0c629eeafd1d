"""The keys of `run.json` as tables: `python -m hil.record.reference docs/record.md` brings them up to date there."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(__file__).parent / "run.schema.json"
BEGIN, END = "<!-- keys of run.json -->\n", "<!-- end of keys -->\n"


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of `run.json`."""
    read: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return read


def tables() -> str:
    """Return a table of keys for the record, and for each kind of thing in it."""
    whole = schema()
    return "\n".join([_table("record", whole), *(_table(name, one) for name, one in whole["$defs"].items())])


def brought_up_to_date(page: str) -> str:
    """Return `page` with the tables between its two marks made anew."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{tables()}\n{END}{rest.partition(END)[2]}"


def _table(name: str, thing: dict[str, Any]) -> str:
    rows = [f"| `{key}` | {_type(value)} | {_meaning(value)} |" for key, value in thing["properties"].items()]
    return "\n".join(
        [f"### {name}", "", thing["description"], "", "| key | type | meaning |", "|---|---|---|", *rows, ""]
    )


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "anyOf" in value:
        return " or ".join(_type(one) for one in value["anyOf"])
    if "const" in value:
        return f"`{value['const']}`"
    kind = value["type"]
    if kind == "array":
        return f"list of {_type(value['items'])}"
    if isinstance(value.get("additionalProperties"), dict):
        return f"name → {_type(value['additionalProperties'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _meaning(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(schema()["$defs"][value["$ref"].rpartition("/")[2]]["description"]).rstrip(".").lower()
    words = [f"`{word}`" if word else "empty" for word in value.get("enum", ()) if isinstance(word, str)]
    return str(value["description"]) + (f"; one of {', '.join(words)}" if words else "")


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:]):
        file.write_text(brought_up_to_date(file.read_text(encoding="utf-8")), encoding="utf-8")
