"""A Juno is flashed by files on its board controller's disk, and started at the controller's prompt."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from labgrid.resource import remote

from hil import cli
from hil.board.flash import BoardDirty, MediumMissing, WrongMedium
from hil.board.flash.sdcard import PARTITION_OFFSET, mtools
from hil.errors import BoardFileError, ConsoleTimeout, ExitCode, FlashError, UsageError
from tests.simulators.juno import SimulatedJuno

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def juno(tmp_path: Path) -> Iterator[SimulatedJuno]:
    juno = SimulatedJuno(tmp_path)
    yield juno
    juno.close()


def test_files_are_copied_read_back_and_booted_from(juno: SimulatedJuno) -> None:
    strategy = juno.strategy()
    strategy.transition("monitor")
    for name in ("bl1", "fip"):
        assert juno.on_disk(f"SOFTWARE/{name}.bin") == juno.image(name).read_bytes()
    assert juno.on_disk("config.txt") == b"old"
    assert juno.flash == juno.image("bl1").read_bytes()
    assert [typed for typed in juno.typed if typed != "shutdown"] == ["usb_on", "usb_off", "reboot"]
    assert juno.typed[0] == "shutdown"
    strategy.transition("off")
    assert not juno.board.running


def exported(juno: SimulatedJuno, host: str) -> dict[str, Any]:
    """The disk as an exporter at `host` has it."""
    usb = dict.fromkeys(("busnum", "devnum", "vendor_id", "model_id"))
    return {"NetworkUSBMassStorage": {"host": host, "path": str(juno.usb), **usb}}


def test_a_disk_that_this_machine_exports_is_flashed_here(juno: SimulatedJuno, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote.RemotePlaceManager, "poll", lambda _: None)  # there is no coordinator
    juno.disk = exported(juno, socket.gethostname())
    assert juno.strategy().flash().written
    assert juno.on_disk("SOFTWARE/fip.bin") == juno.image("fip").read_bytes()


def test_a_dry_run_says_which_image_is_missing_and_what_it_takes(
    juno: SimulatedJuno, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "boards").mkdir()
    (tmp_path / "pyproject.toml").touch()
    juno.board_file(tmp_path / "boards" / "juno.yaml")
    juno.image("fip").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["hil", "flash", "--board", "juno", "--dry-run"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == ExitCode.USAGE
    said = capsys.readouterr()
    assert "juno: cannot be written, images are missing" in said.out
    assert "error: juno lacks SOFTWARE/fip.bin" in said.err
    assert "fip.bin needs the SCP firmware that came with the board: `images: scp:` in boards/juno.yaml" in said.err


def test_unchanged_files_are_not_copied_again(juno: SimulatedJuno) -> None:
    strategy = juno.strategy()
    assert strategy.flash().written
    assert not strategy.flash().written
    juno.image("fip").write_bytes(os.urandom(1000))
    assert strategy.flash().written
    assert juno.on_disk("SOFTWARE/fip.bin") == juno.image("fip").read_bytes()


def test_a_file_that_does_not_read_back_leaves_the_board_dirty(
    juno: SimulatedJuno, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(*command: str) -> bytes:
        done = mtools(*command)
        if command[-1] == "::SOFTWARE/fip.bin":
            content = juno.card.read_bytes()
            at = content.index(juno.image("fip").read_bytes()[:600])
            juno.card.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        return done

    monkeypatch.setattr("hil.board.flash.folder.mtools", spoil)
    strategy = juno.strategy()
    with pytest.raises(FlashError, match=r"SOFTWARE/fip\.bin reads back as"):
        strategy.transition("monitor")
    assert juno.board.boots == 0
    assert "reboot" not in juno.typed
    with pytest.raises(BoardDirty):
        juno.memory.check()


def test_a_full_disk_leaves_the_board_dirty(juno: SimulatedJuno, tmp_path: Path) -> None:
    (tmp_path / "filler").write_bytes(b"\0" * (38 << 20))
    subprocess.run(
        ["mcopy", "-i", f"{juno.card}@@{PARTITION_OFFSET}", str(tmp_path / "filler"), "::filler"], check=True
    )
    juno.image("fip").write_bytes(os.urandom(2 << 20))
    strategy = juno.strategy()
    with pytest.raises(FlashError, match=r"cannot write SOFTWARE/fip\.bin: Disk full"):
        strategy.flash()
    with pytest.raises(BoardDirty):
        juno.memory.check()


def test_a_disk_of_another_kind_is_refused(juno: SimulatedJuno) -> None:
    juno.card.write_bytes(b"\0" * (8 << 20))
    with pytest.raises(WrongMedium, match="has no FAT partition 1"):
        juno.strategy().flash()
    assert juno.memory.read() is None


def test_a_disk_that_does_not_come_is_an_infrastructure_error(
    juno: SimulatedJuno, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.board.drivers.storage.APPEAR_SECONDS", 0.3)
    juno.card.unlink()
    with pytest.raises(MediumMissing, match=r"shows no medium within 0\.3 s"):
        juno.strategy().flash()


def test_a_controller_without_a_prompt_is_an_infrastructure_error(
    juno: SimulatedJuno, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.board.drivers.junocontroller.ASK_AGAIN_SECONDS", 0.1)
    juno.deaf = True
    strategy = juno.strategy()
    controller = strategy.target.get_driver("JunoControllerDriver")
    controller.patience = 0.3
    with pytest.raises(ConsoleTimeout, match=r"the board controller shows no prompt within 0\.3 s"):
        controller.run("usb_on")
    juno.deaf = False
    controller.patience = 20


def test_a_plan_names_files_disk_and_commands(juno: SimulatedJuno) -> None:
    plan = juno.strategy().board.flash_plan()
    assert plan.medium == f"CardReader {juno.usb}"
    assert [file.destination for file in plan.payload.files] == ["SOFTWARE/bl1.bin", "SOFTWARE/fip.bin"]
    assert plan.found == f"there is no {juno.usb}"
    assert plan.steps[1] == "board controller: usb_on"
    assert juno.typed == []


def test_a_plan_says_which_image_is_missing(juno: SimulatedJuno) -> None:
    juno.image("fip").unlink()
    strategy = juno.strategy()
    plan = strategy.board.flash_plan()
    assert [file.destination for file in plan.payload.files] == ["SOFTWARE/bl1.bin"]
    assert list(plan.missing) == ["SOFTWARE/fip.bin"]
    with pytest.raises(UsageError, match=r"no image .*fip\.bin"):
        strategy.flash()
    assert "usb_on" not in juno.typed


def test_a_board_file_without_files_is_refused(juno: SimulatedJuno) -> None:
    with pytest.raises(BoardFileError, match="`files` is empty"):
        juno.strategy(files={}).board.flash_plan()
