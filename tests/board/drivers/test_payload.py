"""A machine that starts with more than its flash: images in memory, a network of its own, Linux in the end."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.file import labgridenv
from hil.deadline import Deadline
from hil.errors import BoardFileError, FlashError, UsageError
from tests.board.drivers.conftest import BOOT, STATES, write_board
from tests.board.drivers.guest import UARTS, assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.board.strategy import BoardStrategy

ADDRESS = 0x4100_0000
PAYLOAD = "images, and others/payload"
"""Where it is: with a comma, which QEMU takes for the end of a value."""
SOON = 20.0
LINUX = {"firmware": STATES["firmware"], "linux": STATES["monitor"]}
SSH = {"ParamikoDriver": {"bindings": {"networkservice": "host"}}}


def say_what_lies_at(uart: str, address: int) -> str:
    """Print the string at a physical address."""
    return f"""
        ldr x1, ={UARTS[uart]}
        ldr x2, ={address}
        bl say
"""


@pytest.fixture
def open_board(tmp_path: Path) -> Iterator[Callable[..., BoardStrategy]]:
    """Return a function that opens a board whose firmware prints a payload, with a server at the guest's port 22."""
    environments = []
    payload = tmp_path / PAYLOAD
    payload.parent.mkdir()
    payload.write_bytes(b"hello from the payload\n\0")

    def opened(*drivers: dict[str, Any], **changes: Any) -> BoardStrategy:
        image = assemble(tmp_path, *BOOT, say_what_lies_at("monitor", ADDRESS))
        settings = {
            "loads": {"payload": ADDRESS},
            "network": "virtio-net-device",
            "forwards": {"host": 22, "other": 80},
            **changes,
        }
        path = write_board(tmp_path, image, **settings)
        content = json.loads(path.read_text())
        content["images"]["payload"] = str(payload)
        main = content["targets"]["main"]
        main["resources"] = [
            {"NetworkService": {"name": name, "address": "nowhere", "username": "root"}} for name in ("host", "other")
        ]
        main["drivers"][-1:-1] = drivers
        path.write_text(json.dumps(content))
        environment = labgridenv.load(path)
        environments.append(environment)
        strategy: BoardStrategy = labgridenv.target(environment).get_strategy()
        return strategy

    yield opened
    for environment in environments:
        environment.cleanup()


def ports(board: BoardStrategy) -> dict[str, int]:
    """Return the port of this host by which each server is reached."""
    found = {}
    for name in ("host", "other"):
        service = board.target.get_resource("NetworkService", name=name)
        assert service.address == "127.0.0.1"
        found[name] = service.port
    return found


@pytest.mark.emulator
def test_an_image_lies_in_memory_before_the_first_instruction(open_board: Callable[..., BoardStrategy]) -> None:
    banner = {"stage": "payload", "uart": "monitor", "line": "^hello from the payload"}
    board = open_board(states={**STATES, "firmware": {"deadline": SOON, "banners": [banner]}})
    board.transition("firmware")
    line, deadline, said = board.board.uart("monitor"), Deadline.after(SOON), b""
    while b"hello from the payload" not in said:
        said += line.receive(deadline)


def test_a_machine_with_another_image_in_memory_is_another_machine(
    open_board: Callable[..., BoardStrategy], tmp_path: Path
) -> None:
    board = open_board()
    board.transition("flashed")
    before = board.board.identity()
    (tmp_path / PAYLOAD).write_bytes(b"good bye\0")
    board.transition("off")
    board.transition("flashed")
    assert board.board.identity() != before


def test_an_image_in_memory_that_is_not_what_was_built_is_refused(
    open_board: Callable[..., BoardStrategy], tmp_path: Path
) -> None:
    manifest = {"files": {"payload": {"size": 1, "sha256": "0" * 64}}}
    (tmp_path / PAYLOAD).with_name("manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FlashError, match="payload is not what was built"):
        open_board().transition("flashed")


@pytest.mark.emulator
def test_servers_are_reached_at_the_ports_of_the_machine_that_runs(open_board: Callable[..., BoardStrategy]) -> None:
    board = open_board()
    seen = []
    for _ in range(2):
        board.transition("firmware")
        seen.append(ports(board))
        for port in seen[-1].values():
            socket.create_connection(("127.0.0.1", port), timeout=SOON).close()
        board.transition("off")
    assert len(set(seen[0].values())) == 2
    assert seen[0] != seen[1]  # chosen anew; that both are the same is less likely than one in a million


@pytest.mark.emulator
def test_a_board_with_linux_reaches_no_monitor(open_board: Callable[..., BoardStrategy]) -> None:
    board = open_board(SSH, states=LINUX)
    with pytest.raises(UsageError, match="no state `monitor`; it has off, flashed, firmware, linux"):
        board.transition("monitor")
    with pytest.raises(UsageError, match="boots into `linux`, not `monitor`"):
        board.fork()
    board.transition("firmware")
    assert board.status == "firmware"


def test_linux_without_an_ssh_driver_is_a_board_file_error(open_board: Callable[..., BoardStrategy]) -> None:
    with pytest.raises(BoardFileError, match="state `linux` needs a `ParamikoDriver`"):
        open_board(states=LINUX)


def test_a_board_boots_into_one_of_monitor_and_linux(open_board: Callable[..., BoardStrategy]) -> None:
    with pytest.raises(BoardFileError, match="both monitor and linux"):
        open_board(SSH, states={**STATES, "linux": STATES["monitor"]})
