"""The format of `run.json`, made from the types that read and write it: a JSON Schema, and tables for people.

`python -m hil.record.reference docs/record.md` brings both up to date; the schema is beside this file.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hil.files import write_atomically
from hil.record.account import Entry
from hil.record.case import Attempt, ConsoleSlice
from hil.record.inventory import ToolFile
from hil.record.record import SCHEMA, BoardOfRun, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA_FILE = Path(__file__).parent / "run.schema.json"
BEGIN, END = "<!-- keys of run.json -->\n", "<!-- end of keys -->\n"
_NAMES = {BoardOfRun.__name__: "board", ConsoleSlice.__name__: "console", ToolFile.__name__: "tool"}
"""What the format calls types whose class has a longer name; all others are called like their class."""
_OPTIONAL = {Attempt.__name__: Attempt.IN_CASE, Entry.__name__: Entry.OPTIONAL}


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what this version writes to `run.json`.

    It is stricter than the reader, which also takes older versions, and keys that a later one may add.
    """
    (top,), found = msgspec.json.schema_components([Record], ref_template="{name}")
    enums = {name: thing for name, thing in found.items() if "enum" in thing}
    things = {name: _strict(name, thing, enums) for name, thing in found.items() if name not in enums}
    whole = things.pop(top["$ref"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:hil:run:{SCHEMA}",
        "title": "run.json",
        **whole,
        "$defs": {_called(name): thing for name, thing in _in_order(whole, things)},
    }


def schema_text() -> str:
    """Return the content of `run.schema.json`."""
    return json.dumps(schema(), indent=2) + "\n"


def tables() -> str:
    """Return a table of keys for the record, and for each kind of thing in it."""
    whole = schema()
    return "\n".join([_table("record", whole), *(_table(name, thing) for name, thing in whole["$defs"].items())])


def brought_up_to_date(page: str) -> str:
    """Return `page` with the tables between its two marks made anew."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{tables()}\n{END}{rest.partition(END)[2]}"


def _called(name: str) -> str:
    return _NAMES.get(name, name.lower())


def _strict(name: str, thing: dict[str, Any], enums: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has all keys of its type and no others."""
    properties = {key: _property(value, enums) for key, value in thing["properties"].items()}
    return {
        "type": "object",
        "description": thing["description"].partition("\n\n")[0].replace("\n", " "),
        "properties": properties,
        "required": [key for key in properties if key not in _OPTIONAL.get(name, ())],
        "additionalProperties": False,
    }


def _property(value: dict[str, Any], enums: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a key's value, with the words of an enumeration in it, and without the default in Python."""
    value = {key: deepcopy(part) for key, part in value.items() if key != "default"}
    if (name := value.get("$ref")) in enums:
        del value["$ref"]
        return {"type": "string", "enum": enums[name]["enum"], **value}
    for part in (value, value.get("items"), value.get("additionalProperties"), *value.get("anyOf", ())):
        if isinstance(part, dict) and "$ref" in part:
            part["$ref"] = f"#/$defs/{_called(part['$ref'])}"
    return value


def _in_order(whole: dict[str, Any], things: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the kinds of things in the order in which a reader of the tables comes to them, level by level."""
    by_reference = {f"#/$defs/{_called(name)}": (name, thing) for name, thing in things.items()}
    found: dict[str, tuple[str, Any]] = {}
    level = [whole]
    while level:
        references = dict.fromkeys(reference for thing in level for reference in _references(thing))
        new = {reference: by_reference[reference] for reference in references if reference not in found}
        found |= new
        level = [thing for _, thing in new.values()]
    return list(found.values())


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


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
        return " or ".join(_type(choice) for choice in value["anyOf"])
    if "const" in value:
        return f"`{value['const']}`"
    kind = value["type"]
    if "prefixItems" in value:
        return f"({', '.join(_type(item) for item in value['prefixItems'])})"
    if kind == "array":
        return f"list of {_type(value['items'])}"
    if isinstance(value.get("additionalProperties"), dict) and value["additionalProperties"]:
        return f"name → {_type(value['additionalProperties'])}"
    return str(kind)


def _meaning(value: dict[str, Any]) -> str:
    words = [f"`{word}`" if word else "empty" for word in value.get("enum", ()) if isinstance(word, str)]
    return str(value["description"]) + (f"; one of {', '.join(words)}" if words else "")


if __name__ == "__main__":
    write_atomically(SCHEMA_FILE, schema_text().encode())
    for file in map(Path, sys.argv[1:]):
        write_atomically(file, brought_up_to_date(file.read_text(encoding="utf-8")).encode())
