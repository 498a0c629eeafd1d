"""What a board file says is read in one place, with templates filled in and paths resolved as labgrid does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from hil.board.file import labgridenv
from hil.board.file.boardfile import BoardFile, BoardPart
from hil.errors import BoardFileError, UsageError
from hil.paths import CHECKOUT, builds

if TYPE_CHECKING:
    from pathlib import Path

    from hil.firmware.machine import EmulatedMachine

BOARDS = CHECKOUT / "boards"

WHOLE = """
imports: [hil.drivers, hil.strategies]
features: [plain]
tools: {qemu: qemu-system-aarch64}
images: {flash: out/flash.bin, other: !template $LG_BUILDS/other.bin}
options:
  kind: board
  description: a board
  platform: toy
  hardware: twin
  linux_board: toy-linux
  direct_board: toy-direct
  suites: [tpm]
  facts: {snapshots: it has no memory to spare}
  guest_images: {kernel: 0x5000, initrd: 0x6000}
  guest_seconds: 12
targets:
  main:
    features: {secure_space: protected}
    resources:
      - RemotePlace: {name: !template $LG_PLACE}
      - cls: NetworkService
        address: 10.0.0.1
    drivers:
      SerialBoardDriver: {uarts: [line]}
      BoardStrategy:
        states:
          firmware: {deadline: 3, banners: [{stage: BL31, uart: line, line: BL31}]}
          monitor: {deadline: 4, banners: [{stage: monitor, uart: line, line: ready}]}
        panics: [{uart: line, line: PANIC}]
"""


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoardFile:
    monkeypatch.setenv("LG_BUILDS", str(tmp_path / "builds"))
    monkeypatch.delenv("LG_PLACE", raising=False)
    path = tmp_path / "toy.yaml"
    path.write_text(WHOLE)
    return BoardFile.read(path)


def test_a_board_file_is_told_in_types(whole: BoardFile, tmp_path: Path) -> None:
    assert (whole.name, whole.kind, whole.description, whole.platform) == ("toy", "board", "a board", "toy")
    assert whole.images == {"flash": tmp_path / "out" / "flash.bin", "other": tmp_path / "builds" / "other.bin"}
    assert whole.tools == {"qemu": "qemu-system-aarch64"}
    assert whole.features == {"plain": "", "secure_space": "protected"}
    assert whole.facts == {"snapshots": "it has no memory to spare"}
    assert (whole.linux_board, whole.direct_board, whole.hardware) == ("toy-linux", "toy-direct", "twin")
    assert (whole.suites, whole.guest_seconds) == (("tpm",), 12)
    assert whole.guest_images == {"kernel": 0x5000, "initrd": 0x6000}


def test_resources_are_known_in_all_of_labgrid_s_forms(whole: BoardFile) -> None:
    assert whole.resources == (
        BoardPart("RemotePlace", {"name": "$LG_PLACE"}),
        BoardPart("NetworkService", {"address": "10.0.0.1"}),
    )
    assert [part.kind for part in whole.drivers] == ["SerialBoardDriver", "BoardStrategy"]
    assert whole.remote
    assert not whole.at_this_machine


def test_the_way_of_a_boot_is_told_with_its_deadlines_and_banners(whole: BoardFile) -> None:
    boot = whole.boot()
    assert [(state, plan.deadline) for state, plan in boot.states.items()] == [("firmware", 3), ("monitor", 4)]
    assert [banner.stage for banner in boot.banners] == ["BL31", "monitor"]
    assert [panic.pattern.pattern for panic in boot.panics] == ["PANIC"]
    assert whole.boots_into == "monitor"


def test_a_boot_that_is_described_wrongly_is_refused_with_the_file(whole: BoardFile) -> None:
    whole.path.write_text(WHOLE.replace("deadline: 4", "deadline: soon"))
    with pytest.raises(BoardFileError, match=r"toy\.yaml: `states\.monitor\.deadline` is 'soon'"):
        BoardFile.read(whole.path).boot()
    whole.path.write_text("targets: {main: {}}\n")
    with pytest.raises(BoardFileError, match="no strategy has `states`"):
        BoardFile.read(whole.path).boot()


@pytest.mark.parametrize(
    "text", ["targets: {main: }", "targets: 3", "options: [x]\nimages: x", "targets: {main: {drivers: [x, {}]}}"]
)
def test_a_file_with_mistakes_can_still_be_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "poor.yaml"
    path.write_text(text)
    board = BoardFile.read(path)
    assert (board.images, board.features, board.resources, board.boots_into) == ({}, {}, (), "")


def test_a_file_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "juno.yaml"
    path.write_text("images: [\n")
    with pytest.raises(BoardFileError, match=r"juno\.yaml:2"):
        BoardFile.read(path)


def test_every_board_is_told_alike_before_and_after_labgrid_has_opened_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LG_PLACE", "a-place")
    monkeypatch.setattr(labgridenv, "refuse_unfilled", lambda _: None)
    for path in sorted(BOARDS.glob("*.yaml")):
        assert BoardFile.of_environment(labgridenv.load(path)) == BoardFile.read(path)


def test_images_that_were_replaced_are_those_of_the_board(tmp_path: Path) -> None:
    environment = labgridenv.load(BOARDS / "qemu-virt.yaml")
    (tmp_path / "flash.bin").touch()
    empty = tmp_path / "empty"
    empty.mkdir()
    labgridenv.take_images(environment, tmp_path)
    assert BoardFile.of_environment(environment).images == {"flash": tmp_path / "flash.bin"}
    with pytest.raises(UsageError, match="has none of the images of this board"):
        labgridenv.take_images(environment, empty)


@pytest.mark.parametrize("coverage", [False, True])
def test_the_platform_of_an_old_file_is_that_of_the_build_it_starts_from(tmp_path: Path, coverage: bool) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(f"images: {{x: elsewhere/x, flash: {builds(coverage=coverage)}/rpi4/linux/Image}}\n")
    assert BoardFile.read(path).platform == "rpi4"
    path.write_text("images: {flash: ../build/rpi4/flash.bin}\n")  # a build, but none of this checkout
    assert BoardFile.read(path).platform == ""


@pytest.mark.parametrize("path", sorted(BOARDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_our_boards_are_of_the_platform_that_their_name_begins_with(path: Path) -> None:
    platform = BoardFile.read(path).platform
    assert platform
    assert path.stem.startswith(platform)


@pytest.fixture
def machine() -> EmulatedMachine:
    return BoardFile.read(BOARDS / "qemu-virt-linux.yaml").machine()


def test_the_machine_for_linux_has_the_addresses_and_arguments_of_the_board_file(machine: EmulatedMachine) -> None:
    assert (machine.kernel_address, machine.initrd_address) == (0x42000000, 0x48000000)
    assert "secure=on" in machine.model
    assert machine.arguments[machine.arguments.index("-smp") + 1] == "2"
    assert "console=ttyAMA0" in machine.bootargs


@pytest.mark.parametrize("key", ["bootargs", "loads", "cpu"])
def test_a_machine_that_lacks_something_is_named_with_its_file(tmp_path: Path, key: str) -> None:
    board = yaml.safe_load((BOARDS / "qemu-virt-linux.yaml").read_text())
    drivers = board["targets"]["main"]["drivers"]
    for place in (board["options"], *(entry.get("HilQEMUDriver", {}) for entry in drivers)):
        place.pop(key, None)
    path = tmp_path / "lacking.yaml"
    path.write_text(yaml.safe_dump(board))
    with pytest.raises(BoardFileError, match=r"lacking\.yaml") as error:
        BoardFile.read(path).machine()
    assert key in error.value.message


def test_the_scp_firmware_is_the_one_that_the_board_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = tmp_path / "juno.yaml"
    board.write_text("images:\n  fip: fip.bin\n")
    assert BoardFile.read(board).scp() is None
    monkeypatch.setenv("LG_SCP", "r2")
    board.write_text("images:\n  scp: !template $BASE/$LG_SCP/scp_bl2.bin\n")
    with pytest.raises(BoardFileError, match=r"images\.scp.*there is no .*scp_bl2\.bin"):
        BoardFile.read(board).scp()
    (tmp_path / "r2").mkdir()
    (tmp_path / "r2" / "scp_bl2.bin").write_bytes(b"scp")
    assert BoardFile.read(board).scp() == tmp_path / "r2" / "scp_bl2.bin"
