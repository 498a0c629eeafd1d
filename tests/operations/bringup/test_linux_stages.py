"""What comes behind Linux's banner goes wrong: bring-up names SSH or the device, and says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hil.board.drivers.devicetree import DeviceTree
from hil.board.file import labgridenv
from hil.errors import ExitCode
from hil.firmware.initramfs import Initramfs
from hil.operations.bringup import BringUp, BringUpStep, StageOutcome
from tests.board.drivers import guest
from tests.board.drivers.test_ssh import free_port
from tests.cli.checkout import ROOT
from tests.simulators.ssh import Peer, new_key

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.board.strategy import BoardStrategy
    from tests.simulators.ssh import SshServer

pytestmark = pytest.mark.emulator

BOARD = ROOT / "boards" / "qemu-virt-linux.yaml"
BUILD = ROOT / "build" / "qemu-virt" / "linux"
SERVICE = "vTPM: service 1.0 ready, 8 windows, entropy RNDRRS, secure space protected\n"
STATES = {
    "firmware": {"deadline": 60, "banners": [{"stage": "service", "uart": "linux", "line": "vTPM: service"}]},
    "linux": {"deadline": 3, "banners": [{"stage": "linux", "uart": "linux", "line": "^linux: ready"}]},
}


PANICS = [{"uart": "linux", "line": "^linux: no SSH server"}]


def stop_of(strategy: BoardStrategy) -> tuple[BringUp, BringUpStep]:
    bring_up = BringUp(strategy, {"secure_space": "protected"})
    (stopped,) = (step for step in bring_up.run() if step.outcome is StageOutcome.STOPPED)
    assert all(cause.why and cause.attempt for cause in stopped.causes)
    return bring_up, stopped


@pytest.fixture
def load() -> Iterator[Callable[[Path, dict[str, Any]], BoardStrategy]]:
    """Return a function that makes the strategy of a board file with this content."""
    environments = []

    def load(path: Path, content: dict[str, Any]) -> BoardStrategy:
        path.write_text(json.dumps(content))
        environments.append(labgridenv.load(path))
        strategy: BoardStrategy = labgridenv.target(environments[-1]).get_strategy()
        return strategy

    yield load
    for environment in environments:
        environment.cleanup()


@pytest.fixture
def played(
    server: SshServer, keys: Path, tmp_path: Path, load: Callable[..., BoardStrategy]
) -> Callable[..., BoardStrategy]:
    """A board that says that Linux is ready, while this process plays its SSH server."""

    def make(port: int = server.port, host_key: Path = keys / "host", says: str = "linux: ready\n") -> BoardStrategy:
        guest.assemble(tmp_path, guest.say("monitor", SERVICE + says))
        qemu = {
            "qemu_bin": "qemu",
            "machine": "virt,secure=on,virtualization=on",
            "cpu": "max,sve=off,sme=off,pauth-impdef=on",
            "memory": "64M",
            "bios": "flash",
            "args": ["-nodefaults"],
            "uarts": ["linux"],
        }
        content = {
            "imports": ["hil.drivers", "hil.strategies"],
            "tools": {"qemu": "qemu-system-aarch64"},
            "images": {"flash": str(tmp_path / "guest.bin")},
            "targets": {
                "main": {
                    "resources": {"NetworkService": {"address": "127.0.0.1", "port": port, "username": "root"}},
                    "drivers": [
                        {"HilQEMUDriver": qemu},
                        {"UartDriver": {"name": "linux"}},
                        {"ParamikoDriver": {"keyfile": str(keys / "user"), "host_key": str(host_key) + ".pub"}},
                        {"BoardStrategy": {"states": STATES, "panics": PANICS}},
                    ],
                }
            },
        }
        return load(tmp_path / "played.yaml", content)

    return make


def test_a_server_that_nobody_started_stops_at_ssh(played: Callable[..., BoardStrategy]) -> None:
    bring_up, stopped = stop_of(played(port=free_port()))
    assert stopped.stage.name == "ssh"
    assert "nothing listens" in stopped.causes[0].why
    assert bring_up.error
    assert bring_up.error.exit_code is ExitCode.INFRASTRUCTURE


def test_linux_that_cannot_start_its_server_says_so(played: Callable[..., BoardStrategy]) -> None:
    _, stopped = stop_of(played(says="linux: no SSH server\n"))
    assert stopped.stage.name == "linux"
    assert stopped.causes[0].why == "Linux is up, and its SSH server does not start"


def test_a_board_with_another_host_key_stops_at_ssh(played: Callable[..., BoardStrategy], tmp_path: Path) -> None:
    _, stopped = stop_of(played(host_key=new_key(tmp_path, "other")))
    assert stopped.stage.name == "ssh"
    assert "host key" in stopped.causes[0].why


def test_a_network_that_carries_nothing_stops_at_ssh(played: Callable[..., BoardStrategy]) -> None:
    held: list[socket.socket] = []
    hole = Peer(held.append)
    _, stopped = stop_of(played(port=hole.port))
    hole.close()
    assert stopped.stage.name == "ssh"
    assert "said nothing" in stopped.seen


@pytest.mark.parametrize(
    ("said", "attempt"),
    [
        ("No such device", "the module finds no service"),
        ("No such file or directory", "not in the initramfs"),
        ("Invalid module format", "for another kernel"),
    ],
)
def test_a_module_that_does_not_load_stops_at_the_device(
    played: Callable[..., BoardStrategy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, attempt: str
) -> None:
    insmod = tmp_path / "insmod"
    insmod.write_text(f"#!/bin/sh\necho \"insmod: can't insert '$1': {said}\" >&2; exit 1\n")
    insmod.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    bring_up, stopped = stop_of(played())
    assert stopped.stage.name == "device"
    assert said in stopped.seen
    assert attempt in stopped.causes[0].attempt
    assert bring_up.error
    assert bring_up.error.exit_code is ExitCode.FINDINGS


def changed_linux(directory: Path, changes: Initramfs) -> dict[str, Any]:
    """Return the board file of the real Linux with some files in its initial file system replaced."""
    content: dict[str, Any] = yaml.safe_load(BOARD.read_text())
    del content["options"]["direct_board"]  # not beside the changed one
    images = {key: str((BOARD.parent / path).resolve()) for key, path in content["images"].items()}
    initrd, tree = directory / "initrd", directory / "host.dtb"
    initrd.write_bytes((BUILD / "initrd").read_bytes() + changes.cpio())
    (driver,) = (entry["HilQEMUDriver"] for entry in content["targets"]["main"]["drivers"] if "HilQEMUDriver" in entry)
    with DeviceTree.from_bytes((BUILD / "host.dtb").read_bytes()) as copy:
        copy.set_cells("/chosen", "linux,initrd-end", 0, driver["loads"]["initrd"] + initrd.stat().st_size)
        tree.write_bytes(copy.read())
    content["images"] = {**images, "initrd": str(initrd), "devicetree": str(tree)}
    (ssh,) = (entry["ParamikoDriver"] for entry in content["targets"]["main"]["drivers"] if "ParamikoDriver" in entry)
    ssh |= {"keyfile": str(BUILD / "keys" / "user"), "host_key": str(BUILD / "keys" / "host.pub")}
    return content


def test_linux_without_its_module_stops_at_the_device(tmp_path: Path, load: Callable[..., BoardStrategy]) -> None:
    changes = Initramfs()
    changes.file("lib/modules/vtpm.ko", b"no module")
    _, stopped = stop_of(load(tmp_path / "changed.yaml", changed_linux(tmp_path, changes)))
    assert stopped.stage.name == "device"
    assert "vtpm.ko" in stopped.seen
    assert "for another kernel" in stopped.causes[0].attempt
