from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.file import labgridenv
from hil.board.snapshot import SnapshotStore
from tests.board.drivers import guest
from tests.board.drivers.shell import EchoMonitorDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.board.strategy import BoardStrategy

STATES = {
    "firmware": {
        "deadline": 20,
        "banners": [
            {"stage": "BL1", "uart": "firmware", "line": "^BL1: v"},
            {"stage": "BL31", "uart": "firmware", "line": "^BL31: v"},
        ],
    },
    "monitor": {"deadline": 20, "banners": [{"stage": "monitor", "uart": "monitor", "line": "^monitor: ready"}]},
}
PANICS = [{"uart": "firmware", "line": "PANIC"}]


def write_board(directory: Path, image: Path, **changes: Any) -> Path:
    """Write a board file (JSON is YAML); `changes` are attributes of the emulator's driver or the strategy."""
    strategy = {"states": changes.pop("states", STATES), "panics": changes.pop("panics", PANICS)}
    qemu = {
        "qemu_bin": "qemu",
        "machine": "virt,secure=on,virtualization=on,gic-version=3",
        "cpu": "max,sve=off,sme=off,pauth-impdef=on",
        "memory": "64M",
        "bios": "flash",
        "args": ["-nodefaults"],
        "uarts": ["monitor", "firmware"],
        **changes,
    }
    content = {
        "imports": ["hil.drivers", "hil.strategies"],
        "tools": {"qemu": "qemu-system-aarch64"},
        "images": {"flash": str(image)},
        "targets": {
            "main": {
                "drivers": [
                    {"HilQEMUDriver": qemu},
                    {"UartDriver": {"name": "monitor"}},
                    {"UartDriver": {"name": "firmware"}},
                    {EchoMonitorDriver.__name__: {"bindings": {"console": "monitor"}}},
                    {"BoardStrategy": strategy},
                ]
            }
        },
    }
    path = directory / "tiny.yaml"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def make_board(tmp_path: Path) -> Iterator[Callable[..., BoardStrategy]]:
    """Return a function that makes a board whose firmware does the given actions."""
    environments = []

    def make(*actions: str, **changes: Any) -> BoardStrategy:
        image = guest.assemble(tmp_path, *actions)
        environment = labgridenv.load(write_board(tmp_path, image, **changes))
        environments.append(environment)
        strategy: BoardStrategy = environment.get_target().get_strategy()
        strategy.snapshots = SnapshotStore(tmp_path / "snapshots")
        return strategy

    yield make
    for environment in environments:
        environment.cleanup()


BOOT = (
    guest.say("firmware", "BL1: v1\n"),
    guest.say("firmware", "BL31: v1\n"),
    guest.say("monitor", "monitor: ready\n"),
)
