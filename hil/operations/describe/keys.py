"""Every key of a board file with what it means, for people and for the documentation."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import attr
from labgrid.driver import Driver

import hil.drivers
import hil.strategies
from hil.board.file.attributes import meanings, words
from hil.board.file.keys import ENTRY, FEATURES, OPTIONS, TARGET, TOP

WRITTEN = {"file": TOP, "target": TARGET, "entry": ENTRY, "options": OPTIONS, "features": FEATURES}
"""The keys that are in no class."""


@dataclass(frozen=True, slots=True)
class Described:
    """One key. `kind` says in words what it may hold, empty where nobody says."""

    name: str
    kind: str
    meaning: str
    required: bool = False


def reference() -> dict[str, list[Described]]:
    """Return the keys of each part of a board file, then the attributes of our drivers and strategies by class."""
    parts = {
        part: [
            Described(name, " or ".join(key.values) or key.kind, key.meaning, part == "file" and name == "targets")
            for name, key in keys.items()
        ]
        for part, keys in WRITTEN.items()
    }
    # hil.drivers also has what drivers are made of, such as protocols; a board file takes what labgrid can instantiate.
    offered = [getattr(hil.drivers, name) for name in hil.drivers.__all__]
    classes = [thing for thing in offered if inspect.isclass(thing) and issubclass(thing, Driver)]
    classes.append(hil.strategies.BoardStrategy)
    return parts | {cls.__name__: described(cls) for cls in classes}


def described(cls: type[Any]) -> list[Described]:
    """Return the attributes that a board file may give an object of `cls`, the required ones first."""
    said, fields = meanings(cls), attr.fields_dict(cls)
    found = [
        Described(name, words(fields[name].validator), said.get(name, ""), parameter.default is parameter.empty)
        for name, parameter in inspect.signature(cls).parameters.items()
        if name not in ("target", "name")
    ]
    return sorted(found, key=lambda key: not key.required)
