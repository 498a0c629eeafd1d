"""Bring-up of the real firmware on QEMU, from the command line to the file for a bug report."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.board.drivers.conftest import write_board
from tests.board.drivers.guest import assemble, say
from tests.cli.checkout import ROOT, Checkout

pytestmark = pytest.mark.emulator

BOARD = (ROOT / "boards" / "qemu-virt.yaml").read_text().replace("../build", str(ROOT / "build"))
BOARD = BOARD.replace("  linux_board: qemu-virt-linux\n", "")  # that one is not in these trees


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A tree with the board qemu-virt, and one that differs from it in its processor: that one has no FEAT_RNG."""
    boards = tmp_path / "boards"
    boards.mkdir()
    (tmp_path / "pyproject.toml").touch()
    (boards / "qemu-virt.yaml").write_text(BOARD)
    (boards / "no-entropy.yaml").write_text(BOARD.replace("max,sve=off,sme=off,pauth-impdef=on", "cortex-a72"))
    return Checkout(tmp_path)


def test_the_firmware_gets_all_the_way_and_leaves_one_file_with_everything(checkout: Checkout) -> None:
    done = checkout.hil("bringup", "--board", "qemu-virt", "--no-build", "--no-linux", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (board,) = answer["boards"]
    assert [step["stage"] for step in board["steps"] if step["outcome"] == "reached"] == [
        *("flashed", "power", "serial", "BL1", "BL2", "BL31", "service", "self-check"),
        *("monitor", "version", "instance", "tpm"),
    ]
    with tarfile.open(answer["archive"]) as archive:
        names = {Path(name).name for name in archive.getnames()}
    assert {"bringup.json", "qemu-virt.yaml", "firmware.log", "monitor.log"} <= names


def test_a_processor_without_entropy_is_named_in_plain_words(checkout: Checkout) -> None:
    done = checkout.hil("bringup", "--board", "no-entropy", "--no-build", "--no-linux")
    assert done.returncode == 1, done.stderr
    assert "1. there is no source of entropy" in done.stdout
    assert "try: a processor with FEAT_RNG" in done.stdout


def test_what_a_board_says_is_shown_as_it_is(checkout: Checkout) -> None:
    image = assemble(checkout.path, say("monitor", "other [/bold] firmware\n"))
    deadline = {"deadline": 3, "banners": [{"stage": "BL1", "uart": "firmware", "line": "^BL1: v"}]}
    board = write_board(checkout.path / "boards", image, states={"firmware": deadline, "monitor": deadline})
    board.write_text(board.read_text().replace("EchoMonitorDriver", "MonitorDriver"))
    done = checkout.hil("bringup", "--board", "tiny", "--no-build")
    assert done.returncode == 1, done.stderr
    assert "it says: monitor: other [/bold] firmware" in done.stdout
