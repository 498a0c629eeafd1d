"""The Raspberry Pi 4 that QEMU plays, as far as Linux: from the image of its card to a TPM, over SSH."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from hil.board.builds import build_linux
from hil.board.file import labgridenv
from hil.board.snapshot import SnapshotStore
from hil.linux import Host
from hil.operations.bringup.probes import tpm_through_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.strategy import BoardStrategy

pytestmark = pytest.mark.emulator

BOARDS = Path(__file__).parents[3] / "boards"


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoardStrategy]:
    """The twin of boards/, with a card of its own and long timeouts for a busy machine."""
    build_linux("rpi4")
    directory = tmp_path_factory.mktemp("twin")
    content = yaml.safe_load((BOARDS / "rpi4-twin-linux.yaml").read_text())
    content["images"] = {key: str((BOARDS / path).resolve()) for key, path in content["images"].items()}
    content["images"] |= {"card": str(directory / "card.img"), "config": str(directory / "config.txt")}
    del content["options"]["hardware"]  # not beside this one
    for entry in content["targets"]["main"]["drivers"]:
        ssh = entry.get("ParamikoDriver", {})
        ssh |= {key: str((BOARDS / ssh[key]).resolve()) for key in ("keyfile", "host_key") if key in ssh}
        entry.get("BoardStrategy", {}).get("states", {}).get("linux", {})["deadline"] = 400
    path = directory / "rpi4-twin-linux.yaml"
    path.write_text(yaml.safe_dump(content))
    environment = labgridenv.load(path)
    made: BoardStrategy = labgridenv.target(environment).get_strategy()
    made.snapshots = SnapshotStore(directory / "snapshots")
    yield made
    environment.cleanup()


def host(twin: BoardStrategy) -> Host:
    return Host(twin, twin.ssh)


def test_a_guest_of_kvm_can_be_run_and_a_tpm_answers_on_linux_from_the_card(twin: BoardStrategy) -> None:
    twin.fork_linux()
    linux = host(twin)
    assert "Raspberry Pi 4" in linux.run("cat /proc/device-tree/model").text
    linux.run("test -c /dev/kvm")
    assert tpm_through_host(linux).startswith("random ")


def test_a_fork_knows_nothing_of_the_one_before_it_and_a_kept_one_what_it_had(twin: BoardStrategy) -> None:
    twin.fork_linux()
    host(twin).run("touch /tmp/kept")
    kept = twin.keep()
    twin.fork_linux()
    host(twin).run("test ! -e /tmp/kept")
    twin.fork_linux(kept)
    host(twin).run("test -e /tmp/kept")
