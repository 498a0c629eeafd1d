"""`hil flash` says what it would do, does it, and does it once."""

from __future__ import annotations

import getpass
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from hil import cli
from hil.board.file.boardfile import BoardFile
from hil.board.flash import FlashMemory
from hil.errors import ExitCode
from hil.lab.boards.hold import hold

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulators.bench import Bench
    from tests.simulators.storage import Faults


class Desk:
    """A tree with the board of the bench, and the command line in it."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        root = bench.directory / "tree"
        (root / "boards").mkdir(parents=True)
        (root / "pyproject.toml").touch()
        self.file = bench.board_file(root / "boards" / "bench.yaml")
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(root)

    def flash(self, *arguments: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.argv", ["hil", "flash", "--board", "bench", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = self._capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    @property
    def memory(self) -> FlashMemory:
        """The note on the card."""
        return FlashMemory.of_board(BoardFile.read(self.file))

    def flash_json(self, *arguments: str) -> dict[str, Any]:
        code, out, _ = self.flash("--json", *arguments)
        assert code == 0
        document: dict[str, Any] = json.loads(out)
        return document


@pytest.fixture
def desk(bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(bench, monkeypatch, capsys)


def test_a_dry_run_says_everything_and_touches_nothing(desk: Desk, bench: Bench) -> None:
    before = bench.card.read_bytes()
    code, out, _ = desk.flash("--dry-run")
    assert code == 0
    for said in (
        "would be written; not known to be flashed",
        "medium: SimulatedSDMux ID_SERIAL_SHORT=000000001205",
        f"{bench.directory}/mux/host (file, 0 bytes)",
        str(bench.image),
        str(bench.image.stat().st_size),
        "2. SD mux: give the card to this machine",
        "5. SD mux: give the card to the board",
    ):
        assert said in out
    assert bench.card.read_bytes() == before
    assert (bench.card.parent / "mode").read_text() == "dut"
    assert desk.memory.read() is None


def test_a_flash_shows_its_progress_and_ends_with_the_board_off(desk: Desk, bench: Bench) -> None:
    code, out, err = desk.flash()
    assert code == 0
    assert "bench: flashed and read back" in out
    assert "writing: " in err
    assert "reading back: " in err
    assert not bench.board.running
    assert bench.card.read_bytes().startswith(bench.image.read_bytes())


def test_the_same_image_is_written_once_unless_forced(desk: Desk, bench: Bench) -> None:
    assert desk.flash_json()["written"]
    assert not desk.flash_json()["written"]
    assert "nothing to do" in desk.flash("--dry-run")[1]
    assert not desk.flash_json("--dry-run")["would_write"]
    assert desk.flash_json("--force")["written"]
    bench.new_image()
    assert desk.flash_json("--dry-run")["would_write"]
    assert desk.flash_json()["written"]


def test_a_failed_flash_is_an_infrastructure_failure_that_says_what_to_do(
    desk: Desk, bench: Bench, faults: Faults
) -> None:
    faults.flip_at = 4711
    code, _, err = desk.flash()
    assert code == ExitCode.INFRASTRUCTURE
    assert "byte 4711 reads back as" in err
    assert "hil flash --board bench" in err
    assert "it is dirty" in desk.flash("--dry-run")[1]
    assert not bench.board.running


def test_a_board_that_a_run_drives_is_not_flashed(desk: Desk, bench: Bench) -> None:
    with hold(BoardFile.read(desk.file)):
        code, _, err = desk.flash()
    assert code == ExitCode.INFRASTRUCTURE
    assert "bench cannot be used: RawSerialPort port=/dev/pts/" in err
    assert f"is in use by {getpass.getuser()} since" in err
    assert f"as bench (process {os.getpid()})" in err
    assert desk.memory.read() is None
    assert not bench.board.running


def test_a_board_file_that_names_no_particular_disk_is_refused(desk: Desk) -> None:
    content = json.loads(desk.file.read_text())
    content["targets"]["main"]["resources"][0]["SimulatedSDMux"]["match"] = {}
    desk.file.write_text(json.dumps(content))
    code, _, err = desk.flash("--dry-run")
    assert code == ExitCode.USAGE
    assert "has nothing in `match` that names one disk" in err


def test_an_image_that_was_not_built_is_a_usage_error(desk: Desk, bench: Bench) -> None:
    bench.image.unlink()
    code, _, err = desk.flash("--dry-run")
    assert code == ExitCode.USAGE
    assert "hil build" in err


def test_an_image_that_is_not_what_was_built_is_refused(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    manifest = {"files": {bench.image.name: {"size": 1, "sha256": "0" * 64}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    code, _, err = desk.flash()
    assert code == ExitCode.INFRASTRUCTURE
    assert "card.img is not what was built" in err


def test_an_emulated_board_is_flashed_into_its_memory(
    desk: Desk,
) -> None:
    (desk.file.parent.parent / "flash.bin").write_bytes(b"flash")
    emulated = {
        "imports": ["hil.drivers", "hil.strategies"],
        "tools": {"qemu": "qemu-system-aarch64"},
        "images": {"flash": "../flash.bin"},
        "targets": {
            "main": {
                "drivers": [
                    {"HilQEMUDriver": {"qemu_bin": "qemu", "machine": "virt", "cpu": "max", "bios": "flash"}},
                    {"UartDriver": {"name": "console"}},
                    {"MonitorDriver": {}},
                    {
                        "BoardStrategy": {
                            "states": {
                                name: {"deadline": 1, "banners": [{"stage": name, "uart": "console", "line": name}]}
                                for name in ("firmware", "monitor")
                            }
                        }
                    },
                ]
            }
        },
    }
    for driver in emulated["targets"]["main"]["drivers"]:  # type: ignore[index]
        driver.get("HilQEMUDriver", {}).update(memory="64M", uarts=["console"])
    desk.file.write_text(json.dumps(emulated))
    assert "memory of the emulator" in desk.flash("--dry-run")[1]
    assert desk.flash_json()["files"][0]["destination"] == "flash.bin"
