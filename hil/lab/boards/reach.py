"""Checks whether a board can be used: its devices are there, its network answers, its place is free.

Nothing is switched, and nobody who uses the board is disturbed.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hil.errors import InfrastructureError, UsageError
from hil.hosts import bare, bracketed
from hil.lab.tags import SICK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hil.lab.client import PlaceStatus

    Resources = Sequence[tuple[str, Mapping[str, Any]]]
    """labgrid's resources of a board file: class and attributes."""

CONNECT_SECONDS = 2.0
"""How long a serial server or a power switch may take to answer."""


class Obstacle(StrEnum):
    """The kind of reason why a board cannot be used."""

    FILE = "file"
    UNCONFIGURED = "unconfigured"
    TOOL = "tool"
    DEVICE = "device"
    PERMISSION = "permission"
    NETWORK = "network"
    LAB = "lab"
    PLACE = "place"
    HELD = "held"
    SICK = "sick"


@dataclass(frozen=True, slots=True)
class Unavailability:
    """Why a board cannot be used: the kind of reason, and the reason in words that follow the board's name."""

    obstacle: Obstacle
    reason: str

    def __str__(self) -> str:
        return self.reason


def why_unavailable(
    resources: Resources, tools: Iterable[str], places: Callable[[], list[PlaceStatus]]
) -> Unavailability | None:
    """Return the first reason why a board with these `resources` cannot be used, None if no reason is known.

    `tools` are the programs that it needs; `places` reads the places of the lab, and raises without a lab. Takes at
    most `CONNECT_SECONDS` for each resource on the network.
    """
    for _, attributes in resources:
        if blank := _blank(attributes):
            return Unavailability(Obstacle.UNCONFIGURED, f"its board file still says {blank}")
    for tool in tools:
        if shutil.which(tool) is None:
            return Unavailability(Obstacle.TOOL, f"there is no program `{tool}`")
    for kind, attributes in resources:
        match kind:
            case "RawSerialPort":
                found = _serial_port(Path(attributes["port"]))
            case "NetworkSerialPort":
                found = _connection("serial server", attributes["host"], int(attributes["port"]))
            case "NetworkPowerPort":
                found = _power_switch(str(attributes["host"]))
            case "RemotePlace":
                found = _place(str(attributes["name"]), places)
            case _ if "match" in attributes:
                found = _usb(kind, attributes)
            case _:
                found = None
        if found:
            return found
    return None


def _blank(attributes: Mapping[str, Any]) -> str:
    """Return a blank that the user has not filled in, such as `<serial number of the adapter>`, empty if none."""
    for value in attributes.values():
        found = _blank(value) if isinstance(value, dict) else re.search(r"<[^<>]+>", str(value))
        if found:
            return found if isinstance(found, str) else found.group()
    return ""


def _serial_port(path: Path) -> Unavailability | None:
    if not path.exists():
        return Unavailability(Obstacle.DEVICE, f"there is no serial port {path}")
    if not os.access(path, os.R_OK | os.W_OK):
        return Unavailability(Obstacle.PERMISSION, f"{path} cannot be opened: is this user in its group?")
    return None


def _connection(what: str, host: str, port: int) -> Unavailability | None:
    if os.environ.get("LG_PROXY"):
        return None  # only SSH leads there, which takes longer than a look may
    host = bare(host)
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except socket.gaierror:
        return Unavailability(Obstacle.NETWORK, f"the name of the {what}, {host}, does not resolve")
    except OSError as error:
        why = error.strerror or error
        return Unavailability(Obstacle.NETWORK, f"the {what} {bracketed(host)}:{port} does not answer: {why}")
    return None


def _power_switch(host: str) -> Unavailability | None:
    """Check a power switch, if the board file names its port: else labgrid's driver knows it, and we do not."""
    url = urlsplit(host if "//" in host else f"//{host}")
    return _connection("power switch", url.hostname, url.port) if url.hostname and url.port else None


def _place(name: str, places: Callable[[], list[PlaceStatus]]) -> Unavailability | None:
    if name.startswith("$"):
        return Unavailability(Obstacle.PLACE, f"no place is chosen ({name.strip('${}')} is not set)")
    try:
        known = {place.name: place for place in places()}
    except UsageError:
        return Unavailability(Obstacle.LAB, f"no lab is up that has place {name}")
    except InfrastructureError as error:
        return Unavailability(Obstacle.LAB, error.message)
    if name not in known:
        return Unavailability(Obstacle.PLACE, f"the lab has no place {name}")
    place = known[name]
    if place.health == SICK:
        return Unavailability(Obstacle.SICK, f"place {name} is out of the pool: {place.why}")
    if place.holder:
        return Unavailability(Obstacle.HELD, f"place {name} belongs to {place.holder}")
    return None


def _usb(kind: str, attributes: Mapping[str, Any]) -> Unavailability | None:
    """Let labgrid look for the device, since its rules of matching are its own."""
    from labgrid import Target
    from labgrid.factory import target_factory

    resource = target_factory.make_resource(Target("look"), kind, None, {"match": dict(attributes["match"])})
    if resource.avail:
        return None
    wanted = ", ".join(f"{key}={value}" for key, value in attributes["match"].items() if key != "SUBSYSTEM")
    return Unavailability(Obstacle.DEVICE, f"there is no {kind} with {wanted}")
