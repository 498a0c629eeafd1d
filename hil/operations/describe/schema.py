"""A JSON Schema of board files, from which editors complete and check them.

It is made from what `hil boards --check` goes by: the types of `hil.board.file.written`, and the attributes and
validators of each class that labgrid, hil and the imports of the board files register. What only names another part of
the file, such as an image or a serial line, is beyond a schema; the check alone sees that.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import attr
import msgspec

from hil.board.file import written
from hil.board.file.attributes import WRITTEN_AS, meanings
from hil.board.file.boot import ENDS, FIRST, STATE_NAME
from hil.board.file.classes import OURS, imported
from hil.board.file.document import Document
from hil.board.file.keys import SCHEMA
from hil.errors import BoardFileError
from hil.files import write_atomically
from hil.headers import firmware_header

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hil.board.file.classes import Classes

    Schema = dict[str, Any]

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest that all language servers for YAML know."""
_TEMPLATE = r"\$"
"""What text holds in the place of a number: `!template` fills it in later."""
_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
_SCALARS = ("integer", "number", "boolean")


def write_schema(folder: Path) -> Path:
    """Write the schema for the board files of a folder into that folder, and return its path.

    Raises `BoardFileError` when a board file cannot be read, or imports what cannot be imported.
    """
    write_atomically(folder / SCHEMA, as_text(schema_for(folder)).encode())
    return folder / SCHEMA


def as_text(schema: Schema) -> str:
    """Return a schema as JSON with a line for each of its definitions, so that a change of one shows as one line."""
    head = {key: value for key, value in schema.items() if key != "$defs"}
    lines = [f"{json.dumps(name)}: {json.dumps(part, ensure_ascii=False)}" for name, part in schema["$defs"].items()]
    return json.dumps(head, indent=1)[:-2] + ',\n "$defs": {\n  ' + ",\n  ".join(lines) + "\n }\n}\n"


def schema_for(folder: Path) -> Schema:
    """Return a JSON Schema of board files that may use whatever the board files in a folder import.

    Raises `BoardFileError` when one of them cannot be read, or imports what cannot be imported.
    """
    names = list(dict.fromkeys([*OURS, *(name for file in sorted(folder.glob("*.yaml")) for name in _imports(file))]))

    def refuse(_number: int, why: str) -> None:
        raise BoardFileError(f"{folder}: {why}", doing="making a schema", hint="hil boards --check")

    with imported(folder, names, refuse) as (resources, drivers, _):
        return _schema(resources, drivers)


def _imports(file: Path) -> Iterable[str]:
    document = Document(file)
    if document.problems:
        raise BoardFileError("\n".join(problem.at(file) for problem in document.problems))
    imports = document.data.get("imports")
    return [name for name in imports if isinstance(name, str)] if isinstance(imports, list) else []


def _schema(resources: Classes, drivers: Classes) -> Schema:
    (root, _), parts = msgspec.json.schema_components(
        (written.WrittenBoard, written.WrittenEntry), ref_template="#/$defs/{name}"
    )
    target = parts["Target"]["properties"]
    for section, classes in (("resources", resources), ("drivers", drivers)):
        target[section] = {"description": target[section]["description"], **_section(section, classes)}
        parts |= {f"{section}.{name}": _of_class(cls, parts) for name, cls in sorted(classes.items())}
        parts[f"{section}.entry"] = _entry(section, sorted(classes))
    for part in parts.values():
        part.pop("title", None)  # editors would show it in the place of the meaning
    for holder in (target, parts["WrittenBoard"]["properties"]):
        holder["features"] = {
            "description": holder["features"]["description"],
            "if": {"type": "array"},
            "then": {"items": {"type": "string"}},
            "else": {"$ref": "#/$defs/Features"},
        }
    states = parts["drivers.BoardStrategy"]["properties"]["states"]
    states |= {
        "minProperties": 1,
        "propertyNames": {"pattern": f"^(?:{STATE_NAME.pattern})$", "not": {"enum": list(FIRST)}},
        "not": {"required": list(ENDS)},
    }
    parts["Features"]["additionalProperties"] = {"type": ["string", "integer", "number", "boolean"]}
    parts["Options"]["properties"]["platform"]["examples"] = sorted(
        file.parent.name for file in firmware_header("platform").glob("*/platform.toml")
    )
    return {"$schema": _DIALECT, "title": "Board file of hil", **root, "$defs": dict(sorted(parts.items()))}


def _section(section: str, classes: Classes) -> Schema:
    """Resources or drivers: a list of entries, or a mapping of classes where each is there once."""
    return {
        "if": {"type": "array"},
        "then": {"items": {"$ref": f"#/$defs/{section}.entry"}},
        "else": {"type": "object", "properties": _by_name(section, sorted(classes)), "additionalProperties": False},
    }


def _entry(section: str, names: list[str]) -> Schema:
    """An entry of a list: a class as the only key, or `cls` among the attributes, which then go unchecked.

    To check them would take a condition per class, and language servers offer what stands in any of these everywhere.
    """
    return {
        "type": "object",
        "if": {"type": "object", "required": ["cls"]},
        "then": {"properties": {"cls": {"enum": names}}},
        "else": {
            "properties": _by_name(section, names),
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
    }


def _by_name(section: str, names: list[str]) -> Schema:
    return {name: {"$ref": f"#/$defs/{section}.{name}"} for name in names}


def _of_class(cls: type[Any], parts: Schema) -> Schema:
    """What an entry of a class may hold; adds the types that its attributes are written as to `parts`."""
    said = meanings(cls)
    common: Schema = {
        name: {"$ref": f"#/$defs/WrittenEntry/properties/{name}"} for name in written.WrittenEntry.__struct_fields__
    }
    if wanted := getattr(cls, "bindings", {}):
        names = {name: {"type": "string"} for name in wanted}
        common["bindings"] = {"type": "object", "properties": names, "additionalProperties": False}
    attributes, required = {}, []
    fields = attr.fields_dict(cls) if attr.has(cls) else {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if name == "target":
            continue
        held = _of_attribute(fields[name], parts) if name in fields else {}
        attributes[name] = {**({"description": said[name]} if name in said else {}), **held}
        if name == "name":
            del attributes[name]  # as every entry has it
        elif parameter.default is parameter.empty:
            required.append(name)
    meaning = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return {
        "description": meaning,
        "type": "object",
        "properties": {**common, **attributes},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _of_attribute(attribute: attr.Attribute[Any], parts: Schema) -> Schema:
    if kind := attribute.metadata.get(WRITTEN_AS):
        (found,), more = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
        parts |= more
        return found
    if attribute.converter is not None:
        return {}  # makes whatever it can of what is written
    return _of_validator(attribute.validator)


def _of_validator(validator: Any) -> Schema:
    """What a validator of attrs lets pass. One that is not known lets everything pass: the check will see to it."""
    match type(validator).__name__:
        case "_InstanceOfValidator":
            return _of_types(validator.type if isinstance(validator.type, tuple) else (validator.type,))
        case "_OptionalValidator":
            inner = _of_validator(validator.validator)
            if isinstance(inner.get("type"), str) and "enum" not in inner:
                return {**inner, "type": [inner["type"], "null"]}
            return {"anyOf": [inner, {"type": "null"}]} if inner else {}
        case "_InValidator":
            return {"enum": list(validator.options)}
        case "_DeepIterable":
            return {"type": "array", "items": _of_validator(validator.member_validator)}
        case "_DeepMapping":
            return {"type": "object", "additionalProperties": _of_validator(validator.value_validator)}
        case "_AndValidator":
            return {"allOf": found} if (found := [*filter(None, map(_of_validator, validator._validators))]) else {}
    return {}


def _of_types(kinds: Iterable[type[Any]]) -> Schema:
    names = [_TYPES.get(kind, "") for kind in kinds]
    if not all(names):
        return {}
    if "string" not in names and set(names) & set(_SCALARS):
        return {"type": [*names, "string"], "pattern": _TEMPLATE, "patternErrorMessage": _or(names)}
    return {"type": names if len(names) > 1 else names[0]}


def _or(names: list[str]) -> str:
    return f"Expected {' or '.join(names)}."
