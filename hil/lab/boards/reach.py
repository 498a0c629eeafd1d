"""Whether a board can be had: its devices are there, its network answers, its place is free. Nothing is switched."""

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
from hil.lab.tags import SICK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hil.lab.borrow import PlaceStatus

    Resources = Sequence[tuple[str, Mapping[str, Any]]]
    """labgrid's resources of a board file: class and attributes."""

CONNECT_SECONDS = 2.0
"""What a serial server or a power switch may take to answer; both are near."""


class Obstacle(StrEnum):
    """Why a board cannot be had."""

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
class Trouble:
    """One obstacle, in words that go after the name of the board."""

    obstacle: Obstacle
    reason: str

    def __str__(self) -> str:
        return self.reason


def trouble(resources: Resources, tools: Iterable[str], places: Callable[[], list[PlaceStatus]]) -> Trouble | None:
    """Return the first thing that keeps a board with these `resources` from being used; None: nothing that we know.

    `tools` are the programs it needs; `places` asks the lab, and raises when there is none. Takes `CONNECT_SECONDS`
    for each resource on the network at most.
    """
    for _, attributes in resources:
        if blank := _blank(attributes):
            return Trouble(Obstacle.UNCONFIGURED, f"its board file still says {blank}")
    for tool in tools:
        if shutil.which(tool) is None:
            return Trouble(Obstacle.TOOL, f"there is no program `{tool}`")
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
    """What a board file leaves to its user, such as `<serial number of the adapter>`."""
    for value in attributes.values():
        found = _blank(value) if isinstance(value, dict) else re.search(r"<[^<>]+>", str(value))
        if found:
            return found if isinstance(found, str) else found.group()
    return ""


def _serial_port(path: Path) -> Trouble | None:
    if not path.exists():
        return Trouble(Obstacle.DEVICE, f"there is no serial port {path}")
    if not os.access(path, os.R_OK | os.W_OK):
        return Trouble(Obstacle.PERMISSION, f"{path} is not ours to use; are you in the group that it belongs to?")
    return None


def _connection(what: str, host: str, port: int) -> Trouble | None:
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        return Trouble(Obstacle.NETWORK, f"the {what} {host}:{port} does not answer: {error.strerror or error}")
    return None


def _power_switch(host: str) -> Trouble | None:
    """Only where the board file names a port is it known where the switch listens."""
    url = urlsplit(host if "//" in host else f"//{host}")
    return _connection("power switch", url.hostname, url.port) if url.hostname and url.port else None


def _place(name: str, places: Callable[[], list[PlaceStatus]]) -> Trouble | None:
    if name.startswith("$"):
        return Trouble(Obstacle.PLACE, f"no place is chosen ({name.strip('${}')} is not set)")
    try:
        known = {place.name: place for place in places()}
    except UsageError:
        return Trouble(Obstacle.LAB, f"no lab is up that has place {name}")
    except InfrastructureError as error:
        return Trouble(Obstacle.LAB, error.message)
    if name not in known:
        return Trouble(Obstacle.PLACE, f"the lab has no place {name}")
    place = known[name]
    if place.health == SICK:
        return Trouble(Obstacle.SICK, f"place {name} is out of the pool: {place.why}")
    if place.holder:
        return Trouble(Obstacle.HELD, f"place {name} belongs to {place.holder}")
    return None


def _usb(kind: str, attributes: Mapping[str, Any]) -> Trouble | None:
    """Let labgrid look for the device: how it matches is its own."""
    from labgrid import Target
    from labgrid.factory import target_factory

    resource = target_factory.make_resource(Target("look"), kind, None, {"match": dict(attributes["match"])})
    if resource.avail:
        return None
    wanted = ", ".join(f"{key}={value}" for key, value in attributes["match"].items() if key != "SUBSYSTEM")
    return Trouble(Obstacle.DEVICE, f"there is no {kind} with {wanted}")
