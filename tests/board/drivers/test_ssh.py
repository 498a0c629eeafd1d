"""The SSH driver keeps labgrid's habits, and the promises of the board file."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from labgrid.protocol import CommandProtocol, FileTransferProtocol
from labgrid.util.proxy import proxymanager

from hil.board.file import labgridenv
from hil.board.ssh.errors import SshDropped, SshHostKeyChanged, SshRefused
from hil.deadline import Deadline
from hil.errors import BoardFileError
from tests.simulators.ssh import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.board.drivers import ParamikoDriver
    from tests.simulators.ssh import SshServer


@pytest.fixture
def make_target(server: SshServer, keys: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Make the target of a board file; arguments are attributes of the driver, `port` is the service's."""
    targets = []

    def make(port: int = server.port, **attributes: Any) -> Any:
        content = {
            "imports": ["hil.drivers"],
            "targets": {
                "main": {
                    "resources": {"NetworkService": {"address": "127.0.0.1", "port": port, "username": "root"}},
                    "drivers": {"ParamikoDriver": {"keyfile": str(keys / "user"), **attributes}},
                }
            },
        }
        file = tmp_path / "lab.yaml"
        file.write_text(json.dumps(content))
        targets.append(labgridenv.target(labgridenv.load(file)))
        return targets[-1]

    yield make
    for target in targets:
        target.cleanup()


@pytest.fixture
def driver(make_target: Callable[..., Any]) -> ParamikoDriver:
    found: ParamikoDriver = make_target().get_driver("ParamikoDriver")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_labgrid_finds_it_by_protocol(driver: ParamikoDriver) -> None:
    assert driver.target.get_driver(CommandProtocol) is driver
    assert driver.target.get_driver(FileTransferProtocol) is driver


def test_commands_answer_as_labgrids_do(driver: ParamikoDriver) -> None:
    assert driver.run("echo one; echo two; echo three >&2; exit 4") == (["one", "two"], ["three"], 4)
    assert driver.run_check("echo one") == ["one"]
    assert driver.poll_until_success("true", timeout=10.0)
    assert driver.get_status() == 1


def test_one_connection_serves_all_commands(driver: ParamikoDriver, server: SshServer) -> None:
    for _ in range(3):
        driver.run_check("true")
    assert len(server.accepted) == 1


def test_files_come_and_go(driver: ParamikoDriver, server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    driver.put(str(tmp_path / "file"))
    assert (server.root / "file").read_bytes() == b"content"
    seen: list[tuple[int, int]] = []
    driver.get("/file", str(tmp_path / "back"), progress=lambda *now: seen.append(now))
    assert (tmp_path / "back").read_bytes() == b"content"
    assert seen[-1] == (7, 7)


def test_a_local_port_leads_to_the_board(driver: ParamikoDriver, server: SshServer) -> None:
    with driver.forward_local_port(server.port) as port, socket.create_connection(("127.0.0.1", port)) as near:
        near.settimeout(10)
        assert near.recv(4) == b"SSH-"


def test_a_dropped_connection_stays_dropped_until_somebody_connects(
    make_target: Callable[..., Any], server: SshServer
) -> None:
    wire = Wire(server.port)
    try:
        driver = make_target(wire.port).get_driver("ParamikoDriver")
        driver.run_check("true")
        wire.cut()
        for _ in range(2):
            with pytest.raises(SshDropped):
                driver.run("true")
        assert driver.get_status() == 0
        driver.connect(Deadline.after(10))
        assert driver.run_check("echo again") == ["again"]
    finally:
        wire.close()


def test_connecting_is_bounded_by_the_board_file(make_target: Callable[..., Any]) -> None:
    driver = make_target(free_port(), connection_timeout=0.3).get_driver("ParamikoDriver")
    with pytest.raises(SshRefused) as caught:
        driver.run("true")
    assert caught.value.context.board == "lab"


def test_a_timeout_in_the_board_file_must_be_positive(make_target: Callable[..., Any]) -> None:
    with pytest.raises(BoardFileError, match="`command_timeout` is 0; it must be"):
        make_target(command_timeout=0)


def test_the_port_is_looked_up_at_each_connect(driver: ParamikoDriver, server: SshServer) -> None:
    right, driver.networkservice.port = server.port, free_port()
    with pytest.raises(SshRefused):
        driver.connect(Deadline.after(0.3))
    driver.networkservice.port = right
    driver.connect(Deadline.after(10))


def test_the_host_key_is_pinned_per_board_and_renewed_by_flashing(
    make_target: Callable[..., Any], keys: Path, tmp_path: Path
) -> None:
    driver = make_target(known_hosts="pins/known_hosts").get_driver("ParamikoDriver")
    driver.connect(Deadline.after(10))
    pinned = (tmp_path / "pins" / "known_hosts").read_text()
    assert pinned.split()[:3] == ["lab", *(keys / "host.pub").read_text().split()[:2]]

    (tmp_path / "pins" / "known_hosts").write_text("lab " + (keys / "other.pub").read_text())
    with pytest.raises(SshHostKeyChanged):
        driver.connect(Deadline.after(10))
    driver.renew_host_key()
    driver.connect(Deadline.after(10))
    assert (tmp_path / "pins" / "known_hosts").read_text() == pinned


def test_flashing_pins_the_key_that_the_build_gave_the_board(make_target: Callable[..., Any], keys: Path) -> None:
    driver = make_target(host_key=str(keys / "other.pub")).get_driver("ParamikoDriver")
    driver.renew_host_key()
    with pytest.raises(SshHostKeyChanged):
        driver.connect(Deadline.after(10))


def test_labgrids_proxy_is_respected(driver: ParamikoDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not driver.endpoint.proxy
    asked = []

    def command(resource: object, host: str, port: int, ifname: str | None = None) -> list[str]:
        asked.append((resource, host, port, ifname))
        return ["ssh", "proxy", "-W", f"{host}:{port}"]

    monkeypatch.setattr(proxymanager, "get_command", command)
    driver.networkservice.address = "fe80::1%eth0"
    assert driver.endpoint.proxy == ("ssh", "proxy", "-W", f"fe80::1:{driver.networkservice.port}")
    assert asked == [(driver.networkservice, "fe80::1", driver.networkservice.port, "eth0")]


def test_hanging_up_ends_the_connection(driver: ParamikoDriver) -> None:
    session = driver.connect(Deadline.after(10))
    driver.target.deactivate(driver)
    assert not session.alive
