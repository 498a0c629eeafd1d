"""The keeper's check hears text, not the noise of a board without power."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from labgrid import Target
from labgrid.resource import RawSerialPort

from hil.board.drivers.serialport import open_port
from hil.deadline import Deadline
from hil.lab import actions
from hil.lab.errors import BoardSick
from tests.simulators.serial import PtyWire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import serial


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "ECHO_SECONDS", 0.3)
    monkeypatch.setattr(actions, "BUFFERED_SECONDS", 0.3)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[PtyWire]:
    wire = PtyWire(tmp_path / "ttyBoard")
    yield wire
    wire.close()


@pytest.fixture
def console(wire: PtyWire) -> Iterator[serial.SerialBase]:
    port = open_port(RawSerialPort(Target("board"), "monitor", port=str(wire.link), speed=115200))
    yield port
    port.close()


class Hum:
    """Something that is on the line all the time, until the end of the block."""

    def __init__(self, wire: PtyWire, said: bytes) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._hum, args=(wire, said))

    def _hum(self, wire: PtyWire, said: bytes) -> None:
        while not self._ended.wait(0.01):
            wire.board.sendall(said)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


@pytest.mark.parametrize("noise", [b"\0", b"\xff", b"\xfe"])
def test_a_board_whose_line_hums_without_power_stays_in_the_pool(
    wire: PtyWire, console: serial.SerialBase, noise: bytes
) -> None:
    with Hum(wire, noise):
        actions._await_silence([console])
        assert not actions._heard([console], Deadline.after(0.2))


def test_a_board_that_talks_without_power_is_taken_out(wire: PtyWire, console: serial.SerialBase) -> None:
    with Hum(wire, b"\0monitor> \r\n"), pytest.raises(BoardSick, match="still talks"):
        actions._await_silence([console])
