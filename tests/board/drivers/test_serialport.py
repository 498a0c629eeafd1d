"""Serial ports on the network: what cannot be opened is the lab's fault, said soon and by name."""

from __future__ import annotations

import os
import socket
import subprocess
import termios
import time
from typing import TYPE_CHECKING, Any

import pytest
import serial
from labgrid import Target
from labgrid.factory import target_factory
from labgrid.resource import NetworkSerialPort, RawSerialPort

from hil.board.drivers.serialport import LocalPort, PortError, Rfc2217Port, open_port
from hil.deadline import Deadline
from hil.errors import BoardUnreachable
from tests.simulators.board import BANNERS, IMAGE, SimulatedBoard, SimulatedPower
from tests.simulators.rfc2217 import SerialServer
from tests.simulators.serial import PtyWire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.board.drivers.serialboard import SerialBoardDriver

SOON = 8.0
"""A server that is there but does not do its part must not hold a run up for longer than this."""


@pytest.fixture
def serve() -> Iterator[Callable[..., SerialServer]]:
    servers: list[SerialServer] = []

    def make(*arguments: Any) -> SerialServer:
        servers.append(SerialServer(*arguments))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def port(host: str, number: int | None, protocol: str = "rfc2217") -> NetworkSerialPort:
    return NetworkSerialPort(Target("board"), name="monitor", host=host, port=number, protocol=protocol)


def read(line: serial.SerialBase, wanted: int) -> bytes:
    data, deadline = b"", Deadline.after(SOON)
    while len(data) < wanted and not deadline.expired:
        data += line.read(max(1, line.in_waiting))
    return data


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[PtyWire]:
    """The serial line of a board."""
    wire = PtyWire(tmp_path / "tty")
    yield wire
    wire.close()


@pytest.fixture
def real_server(wire: PtyWire) -> Iterator[Callable[[str], int]]:
    """Starts ser2net on the line, as it is without options: for one client at a time; returns its port."""
    programs = []

    def start(protocol: str) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            number = int(free.getsockname()[1])
        accepter = f"{'' if protocol == 'raw' else 'telnet(rfc2217),'}tcp,127.0.0.1,{number}"
        connector = f"serialdev(nouucplock=true),{os.path.realpath(wire.link)},115200n81,local"
        settings = f"connection: &line#\n  accepter: {accepter}\n  connector: {connector}\n"
        programs.append(subprocess.Popen(["ser2net", "-d", "-n", "-Y", settings], stderr=subprocess.DEVNULL))
        deadline = Deadline.after(SOON)
        while True:
            try:
                open_port(port("127.0.0.1", number, protocol)).close()
                return number
            except PortError:
                assert not deadline.expired
                time.sleep(0.02)

    yield start
    for program in programs:
        program.kill()
        program.wait()


@pytest.fixture
def driver_at(wire: PtyWire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SerialBoardDriver]]:
    """Makes the driver of a board with one serial line, which is at some server, and a power switch."""
    board = SimulatedBoard(wire.board, lambda: IMAGE)
    monkeypatch.setitem(SimulatedPower.boards, "outlet", board)
    target = Target("board")

    def make(number: int, protocol: str = "rfc2217") -> SerialBoardDriver:
        NetworkSerialPort(target, name="monitor", host="127.0.0.1", port=number, protocol=protocol)
        attributes = {"SimulatedPower": {"outlet": "outlet"}, "SerialBoardDriver": {"uarts": ["monitor"], "rest": 0}}
        for name, values in attributes.items():
            target_factory.make_driver(target, name, None, values)
        driver: SerialBoardDriver = target.get_driver("SerialBoardDriver")
        return driver

    yield make
    target.cleanup()
    board.off()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
@pytest.mark.parametrize(("protocol", "mode"), [("rfc2217", "ok"), ("raw", "raw")])
def test_bytes_go_both_ways(serve: Callable[..., SerialServer], host: str, protocol: str, mode: str) -> None:
    server = serve(mode, host.strip("[]"))
    line = open_port(port(host, server.port, protocol))
    sent = bytes(range(255)) * 9  # without 255, which Telnet would double
    line.write(sent)
    assert read(line, len(sent)) == sent
    line.close()


def test_a_raw_port_is_read_in_large_pieces(serve: Callable[..., SerialServer]) -> None:
    line = open_port(port("127.0.0.1", serve("raw").port, "raw"))
    line.write(b"x" * 1000)
    deadline = Deadline.after(SOON)
    while line.in_waiting < 1000:
        assert not deadline.expired
    assert len(line.read(line.in_waiting)) == 1000
    line.close()


@pytest.mark.parametrize("mode", ["mute", "nopurge", "close"])
def test_a_server_that_does_not_do_its_part_is_unreachable_soon_and_named(
    serve: Callable[..., SerialServer], mode: str, driver_at: Callable[..., SerialBoardDriver]
) -> None:
    server = serve(mode)
    begun = time.monotonic()
    with pytest.raises(BoardUnreachable, match=f"`monitor`: rfc2217://127.0.0.1:{server.port}: ") as caught:
        driver_at(server.port)
    assert time.monotonic() - begun < SOON
    assert "raw" in caught.value.context.hint


@pytest.mark.parametrize("protocol", ["rfc2217", "raw"])
def test_a_board_whose_port_somebody_else_has_is_not_touched(
    real_server: Callable[[str], int], driver_at: Callable[..., SerialBoardDriver], protocol: str
) -> None:
    number = real_server(protocol)
    board = SimulatedPower.boards["outlet"]
    board.on()
    said = f"`monitor`: {protocol}://127.0.0.1:{number}: "
    with open_port(port("127.0.0.1", number, protocol)), pytest.raises(BoardUnreachable, match=said) as caught:
        driver_at(number, protocol)
    assert "does somebody else have the port?" in caught.value.context.hint
    assert board.running


@pytest.mark.parametrize("protocol", ["rfc2217", "raw"])
def test_a_port_is_kept_from_before_the_power_is_touched(
    real_server: Callable[[str], int], driver_at: Callable[..., SerialBoardDriver], protocol: str
) -> None:
    number = real_server(protocol)
    board = SimulatedPower.boards["outlet"]
    board.on()
    driver = driver_at(number, protocol)
    with pytest.raises(PortError):
        open_port(port("127.0.0.1", number, protocol))
    assert board.running
    driver.off()
    driver.on()
    line = driver.uart("monitor")
    said = b""
    while not said.endswith(BANNERS[-1]):
        said += line.receive(Deadline.after(SOON))
    assert said.count(BANNERS[0]) == 1, "what the board had said before it was switched off is not of this boot"
    line.close()


def test_a_refused_connection_says_that_nothing_listens(serve: Callable[..., SerialServer]) -> None:
    server = serve("close")
    server.close()
    with pytest.raises(PortError, match="nothing listens there") as caught:
        open_port(port("127.0.0.1", server.port))
    assert "is the serial server running on 127.0.0.1?" in caught.value.hint


def test_a_name_that_does_not_resolve_is_named_with_where_it_comes_from() -> None:
    asked = port("no-such-host.invalid", 4000)
    with pytest.raises(PortError, match=r"the host name no-such-host\.invalid does not resolve") as caught:
        open_port(asked)
    assert "the board file names no-such-host.invalid" in caught.value.hint
    asked._remote_entry = "what an exporter offers"
    with pytest.raises(PortError) as caught:
        open_port(asked)
    assert "start it with --hostname" in caught.value.hint


def test_a_port_that_the_exporter_does_not_serve_yet_is_no_crash() -> None:
    with pytest.raises(PortError, match="lab-1 does not serve the port now"):
        open_port(port("lab-1", None))


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(PortError, match="unknown protocol"):
        open_port(port("127.0.0.1", 4000, "xmodem"))


@pytest.mark.parametrize(
    "error", [termios.error(5, "Input/output error"), NotImplementedError("no such thing"), TypeError("NoneType")]
)
@pytest.mark.parametrize("method", ["open", "read", "write"])
def test_whatever_pyserial_raises_is_an_error_of_the_port(
    error: Exception, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = PtyWire(tmp_path / "tty")

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(serial.Serial, method, fail)
    line = LocalPort()
    arguments = {"open": (), "read": (1,), "write": (b"x",)}[method]
    with pytest.raises(PortError, match=f"{type(error).__name__}: "):
        getattr(line, method)(*arguments)
    wire.close()


def test_a_write_that_fails_ends_the_connection_so_that_it_is_opened_again(serve: Callable[..., SerialServer]) -> None:
    server = serve("ok")
    line = open_port(port("127.0.0.1", server.port))
    assert isinstance(line, Rfc2217Port)
    line._socket.settimeout(0.2)
    server.mode = "mute"
    server.connections[0].shutdown(0)
    with pytest.raises(OSError, match="socket error"):
        line.write(b"x" * (64 << 20))
    assert line._thread is not None
    line._thread.join(SOON)
    with pytest.raises(OSError, match="reader thread died"):
        line.read(1)
    line.close()


def test_a_local_port_opens_as_before(tmp_path: Path) -> None:
    wire = PtyWire(tmp_path / "tty")
    simulated = SimulatedBoard(wire.board, lambda: IMAGE)
    line = open_port(RawSerialPort(Target("board"), name="monitor", port=str(wire.link)))
    simulated.say(b"hello")
    assert read(line, 5) == b"hello"
    line.close()
    wire.close()
