"""The record says with what exactly a run was made, down to each file, program and serial number."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any

from hil.record.inventory import Image, Inventory, Resource, take_stock

if TYPE_CHECKING:
    from pathlib import Path

RESOURCES: list[tuple[str, dict[str, Any]]] = [
    ("USBSerialPort", {"name": "monitor", "match": {"ID_SERIAL_SHORT": "0815"}, "speed": 115200}),
    ("NetworkPowerPort", {"model": "x", "host": "http://joe:pw@10.0.0.1/", "password": "pw"}),
    ("RemotePlace", {"name": "rack-3"}),
]


def test_images_and_programs_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(b"flash")
    images = {"flash": tmp_path / "flash.bin", "gone": tmp_path / "gone.bin"}
    stock = take_stock(tmp_path, images=images, tools={"python": sys.executable, "gone": "no-such-program"})
    assert stock.images == {"flash": Image("flash.bin", 5, hashlib.sha256(b"flash").hexdigest())}
    assert set(stock.tools) == {"python"}
    assert stock.tools["python"].path == sys.executable
    assert len(stock.tools["python"].sha256) == 64


def test_hardware_is_known_by_what_it_is_found_by_and_passwords_are_not(tmp_path: Path) -> None:
    stock = take_stock(tmp_path, resources=RESOURCES)
    assert stock.resources == (
        Resource("USBSerialPort", "monitor", {"match.ID_SERIAL_SHORT": "0815", "speed": "115200"}),
        Resource("NetworkPowerPort", "", {"model": "x", "host": "http://***@10.0.0.1/", "password": "***"}),
        Resource("RemotePlace", "rack-3", {}),
    )


def test_a_board_file_that_says_nothing_has_an_empty_inventory(tmp_path: Path) -> None:
    assert take_stock(tmp_path) == Inventory()
