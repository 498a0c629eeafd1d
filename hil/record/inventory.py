"""What a board file names, as it is on this machine: images, programs, and the hardware itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.files import file_sha256

_SECRET = re.compile(r"pass|token|secret", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=//)[^/@]*(?=@)")
HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Image:
    """A file that goes onto the board; `path` is relative to the root of the tree, `size` in bytes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that drives the board."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A piece of hardware: labgrid's class, its name if it has one, and what it is found by, such as a place."""

    kind: str
    name: str
    match: dict[str, str]


@dataclass(frozen=True, slots=True)
class Inventory:
    """`kind` is that of the board, such as `emulator`; `boots_into` the state in which its boot ends."""

    kind: str = ""
    boots_into: str = ""
    features: dict[str, str] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    tools: dict[str, Tool] = field(default_factory=dict)
    resources: tuple[Resource, ...] = ()


def take_stock(data: Mapping[str, Any], images: Mapping[str, str], root: Path) -> Inventory:
    """Return what a board file with the content `data` names and is there; `images` are absolute paths."""
    targets = [target for target in (data.get("targets") or {}).values() if target]
    drivers = [driver for target in targets for driver in _entries(target.get("drivers"))]
    states = [list(settings["states"]) for _, settings in drivers if settings.get("states")]
    features = [section.get("features") or {} for section in (data, *targets)]
    listed = [one if isinstance(one, Mapping) else dict.fromkeys(one, "") for one in features]
    found = {name: Path(path) for name, path in images.items()}
    programs = {name: shutil.which(path) for name, path in (data.get("tools") or {}).items()}
    return Inventory(
        kind=str((data.get("options") or {}).get("kind", "")),
        boots_into=str(states[0][-1]) if states else "",
        features={str(name): str(value) for one in listed for name, value in one.items()},
        images={
            name: Image(relative(path, root), path.stat().st_size, file_sha256(path))
            for name, path in found.items()
            if path.is_file()
        },
        tools={name: Tool(path, file_sha256(Path(path))) for name, path in programs.items() if path},
        resources=tuple(
            Resource(kind, str(settings.pop("name", "")), dict(_flat(settings)))
            for target in targets
            for kind, settings in _entries(target.get("resources"))
        ),
    )


def relative(path: Path, root: Path) -> str:
    """Return where a file is in the tree at `root`; of one elsewhere only its name."""
    resolved = path.resolve()
    return str(resolved.relative_to(root)) if resolved.is_relative_to(root) else path.name


def _entries(section: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    """Take both forms that labgrid knows: a list of `{class: settings}`, and classes with their settings."""
    for one in [section] if isinstance(section, Mapping) else section or ():
        for kind, settings in one.items() if isinstance(one, Mapping) else ((one, None),):
            yield str(kind), dict(settings) if isinstance(settings, Mapping) else {}


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    for key, value in settings.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, HIDDEN if _SECRET.search(name) else _CREDENTIALS.sub(HIDDEN, str(value))
