"""What a board file names, as it is on this machine: images, programs, and the hardware itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from hil.hashes import known_sha256

_SECRET = re.compile(r"pass|token|secret", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=//)[^/@]*(?=@)")
HIDDEN = "***"


Sha256 = Annotated[str, Meta(description="SHA-256", pattern="^[0-9a-f]{64}$")]


class Image(Struct, frozen=True):
    """A file that goes onto the board."""

    path: Annotated[str, Meta(description="relative to the root of the tree; of a file elsewhere only its name")]
    size: Annotated[int, Meta(description="in bytes", ge=0)]
    sha256: Sha256


class ToolFile(Struct, frozen=True):
    """A program that drives the board."""

    path: Annotated[str, Meta(description="where it is")]
    sha256: Sha256


class Resource(Struct, frozen=True):
    """A piece of hardware."""

    kind: Annotated[str, Meta(description="labgrid's class of it")]
    name: Annotated[str, Meta(description="its name; may be empty")]
    match: Annotated[
        dict[str, str],
        Meta(description="what it is found by: serial number, address, place; a dot stands between nested keys"),
    ]


class Inventory(Struct, frozen=True):
    """What the board file names, as it was on that machine."""

    kind: Annotated[str, Meta(description="`emulator`, `board`, or what else the board file says")] = ""
    boots_into: Annotated[str, Meta(description="the state in which its boot ends: `monitor` or `linux`")] = ""
    features: Annotated[dict[str, str], Meta(description="what the board file says of the board")] = field(
        default_factory=dict
    )
    images: Annotated[
        dict[str, Image], Meta(description="every image that the board file names, by its name there")
    ] = field(default_factory=dict)
    tools: Annotated[
        dict[str, ToolFile], Meta(description="every program that the board file names, by its name there")
    ] = field(default_factory=dict)
    resources: Annotated[
        tuple[Resource, ...], Meta(description="the hardware that the board file names, without passwords")
    ] = ()


def take_stock(
    root: Path,
    *,
    kind: str = "",
    boots_into: str = "",
    features: Mapping[str, str] | None = None,
    images: Mapping[str, Path] | None = None,
    tools: Mapping[str, str] | None = None,
    resources: Iterable[tuple[str, Mapping[str, Any]]] = (),
) -> Inventory:
    """Return what a board file names and is there. `root` is that of the tree; a resource is a class and attributes."""
    programs = {name: shutil.which(path) for name, path in (tools or {}).items()}
    return Inventory(
        kind=kind,
        boots_into=boots_into,
        features=dict(features or {}),
        images={
            name: Image(relative(path, root), path.stat().st_size, known_sha256(path))
            for name, path in (images or {}).items()
            if path.is_file()
        },
        tools={name: ToolFile(path, known_sha256(Path(path))) for name, path in programs.items() if path},
        resources=tuple(
            Resource(cls, str(settings.get("name", "")), {key: text for key, text in _flat(settings) if key != "name"})
            for cls, settings in resources
        ),
    )


def relative(path: Path, root: Path) -> str:
    """Return where a file is in the tree at `root`; of one elsewhere only its name."""
    resolved = path.resolve()
    return str(resolved.relative_to(root)) if resolved.is_relative_to(root) else path.name


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    for key, value in settings.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, HIDDEN if _SECRET.search(name) else _CREDENTIALS.sub(HIDDEN, str(value))
