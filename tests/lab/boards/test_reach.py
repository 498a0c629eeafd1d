"""A board that cannot be had is named with the first reason, within seconds and without touching it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from hil.errors import InfrastructureError, UsageError
from hil.lab.boards.lab import Places
from hil.lab.boards.reach import Obstacle, why_unavailable
from hil.lab.client import PlaceStatus

if TYPE_CHECKING:
    from pathlib import Path

GOOD = PlaceStatus("rpi4-1", {"board": "rpi4"}, "free", "", "good", "")
TAKEN = PlaceStatus("rpi4-2", {"board": "rpi4"}, "leased", "joe on desk", "good", "")
SICK = PlaceStatus("rpi4-3", {"board": "rpi4"}, "out", "", "sick", "silent after power-on")


def places() -> list[PlaceStatus]:
    return [GOOD, TAKEN, SICK]


def reason(*resources: tuple[str, dict[str, Any]], tools: tuple[str, ...] = ()) -> tuple[Obstacle, str]:
    found = why_unavailable(resources, tools, places)
    assert found
    return found.obstacle, found.reason


def test_a_board_with_all_that_it_needs_can_be_used(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        resources: list[tuple[str, dict[str, Any]]] = [
            ("RawSerialPort", {"port": str(port)}),
            ("NetworkSerialPort", {"host": "127.0.0.1", "port": server.getsockname()[1]}),
            ("NetworkPowerPort", {"model": "rest", "host": f"http://127.0.0.1:{server.getsockname()[1]}/"}),
            ("NetworkService", {"address": "192.0.2.1"}),
            ("RemotePlace", {"name": "rpi4-1"}),
        ]
        assert why_unavailable(resources, ["sh"], places) is None


def test_a_board_file_that_its_user_has_not_filled_in_says_so() -> None:
    resources = ("USBSerialPort", {"match": {"ID_SERIAL_SHORT": "<serial number of the adapter>"}})
    assert reason(resources, tools=("no-such-qemu",)) == (
        Obstacle.UNCONFIGURED,
        "its board file still says <serial number of the adapter>",
    )


def test_a_missing_program_or_serial_port_is_named() -> None:
    assert reason(tools=("no-such-qemu",)) == (Obstacle.TOOL, "there is no program `no-such-qemu`")
    assert reason(("RawSerialPort", {"port": "/dev/no-such"})) == (
        Obstacle.DEVICE,
        "there is no serial port /dev/no-such",
    )


def test_a_serial_port_that_is_not_ours_is_told_from_a_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert reason(("RawSerialPort", {"port": str(tmp_path)}))[0] is Obstacle.PERMISSION


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("NetworkSerialPort", {"host": "127.0.0.1"}),
        ("NetworkPowerPort", {"model": "rest"}),
    ],
)
def test_what_does_not_answer_on_the_network_is_named(kind: str, attributes: dict[str, object]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    where = {"host": f"http://127.0.0.1:{port}/"} if kind == "NetworkPowerPort" else {"port": port}
    obstacle, why = reason((kind, {**attributes, **where}))
    assert obstacle is Obstacle.NETWORK
    assert f"127.0.0.1:{port} does not answer: Connection refused" in why


def test_a_usb_device_is_looked_for_as_labgrid_does() -> None:
    assert reason(("USBSerialPort", {"match": {"ID_SERIAL_SHORT": "no-such"}})) == (
        Obstacle.DEVICE,
        "there is no USBSerialPort with ID_SERIAL_SHORT=no-such",
    )


@pytest.mark.parametrize(
    ("place", "obstacle", "why"),
    [
        ("rpi4-2", Obstacle.HELD, "place rpi4-2 belongs to joe on desk"),
        ("rpi4-3", Obstacle.SICK, "place rpi4-3 is out of the pool: silent after power-on"),
        ("rpi4-9", Obstacle.PLACE, "the lab has no place rpi4-9"),
        ("$LG_PLACE", Obstacle.PLACE, "no place is chosen (LG_PLACE is not set)"),
    ],
)
def test_a_place_of_the_lab_says_why_it_is_not_ours(place: str, obstacle: Obstacle, why: str) -> None:
    assert reason(("RemotePlace", {"name": place})) == (obstacle, why)


@pytest.mark.parametrize("error", [UsageError("no lab is up"), InfrastructureError("the keeper is gone")])
def test_without_a_lab_its_boards_cannot_be_had_and_the_lab_is_asked_once(
    error: UsageError | InfrastructureError,
) -> None:
    asked = []

    def ask() -> list[PlaceStatus]:
        asked.append(1)
        raise error

    lab = Places(ask)
    for _ in range(2):
        found = why_unavailable([("RemotePlace", {"name": "rpi4-1"})], (), lab)
        assert found
        assert found.obstacle is Obstacle.LAB
    assert len(asked) == 1


def test_the_lab_offers_boards_that_are_well_and_free() -> None:
    assert Places(places).offers("rpi4")
    assert not Places(lambda: [TAKEN, SICK]).offers("rpi4")
    assert not Places(places).offers("juno")
