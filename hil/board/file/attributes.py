"""What an attribute of a driver or resource may hold, as its class says to attrs, in words."""

from __future__ import annotations

import re
from typing import Any

import attr

from hil.board.file.document import Filled

WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number with a point, such as 1.0",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
    (int, float): "a number",
}
WRITTEN_AS = "hil.written_as"
"""A key of `attr.ib(metadata=...)`: the type, as msgspec knows types, of what a board file gives the attribute.

The JSON Schema says of an attribute what its validator says, and that is not much where it is `instance_of(dict)`.
"""
_ARGUMENT = re.compile(r"^ {4}(?: {4})?([\w, ]+?)(?: \([^)]*\))?: +(\S.*)$")
"""A line below `Args:` in a docstring, in labgrid's way or in ours."""


def refused(cls: type[Any], name: str, value: Any) -> str:
    """Return what attribute `name` of a class must be if `value` is not that; empty if it is, or nobody says."""
    attribute = attr.fields_dict(cls).get(name) if attr.has(cls) else None
    if attribute is None or isinstance(value, Filled):
        return ""
    try:
        if callable(attribute.converter):
            value = attribute.converter(value)
        if attribute.validator:
            attribute.validator(object(), attribute, value)
    except (TypeError, ValueError) as error:
        return words(attribute.validator) or str(error.args[0] if error.args else error)
    except AttributeError:
        return ""  # a validator that looks at other attributes: labgrid calls it when it makes the object
    return ""


def words(validator: Any) -> str:
    """Return what a validator of attrs lets pass, in words; empty where there are none for it."""
    match type(validator).__name__:
        case "_InstanceOfValidator":
            return WORDS.get(validator.type, "")
        case "_OptionalValidator":
            return words(validator.validator)
        case "_InValidator":
            return f"one of {', '.join(map(str, validator.options))}"
        case "_DeepIterable":
            member = words(validator.member_validator)
            return f"a list, each {member}" if member else "a list"
        case "_DeepMapping":
            value = words(validator.value_validator)
            return f"a mapping, each value {value}" if value else "a mapping"
        case "_AndValidator":
            return " and ".join(filter(None, map(words, validator._validators)))
    return ""


def meanings(cls: type[Any]) -> dict[str, str]:
    """Return what the docstrings of a class, and of those that it is derived from, say of its attributes."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        last: list[str] = []
        for line in (base.__doc__ or "").partition("Args:")[2].splitlines():
            if match := _ARGUMENT.match(line):
                last = [name.strip() for name in match[1].split(",")]
                found |= dict.fromkeys(last, match[2])
            elif last and line.startswith(" " * 8) and line.strip():
                found |= {name: f"{found[name]} {line.strip()}" for name in last}
    return found
