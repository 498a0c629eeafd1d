"""A card for a Raspberry Pi 4 holds what config.txt names, at addresses that do not collide."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hil.board.flash.bootpartition import ARMSTUB_END, BootPartition
from hil.board.flash.sdcard import CARD_BYTES, PARTITION_OFFSET, write_card
from hil.errors import FlashError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {
    "armstub.bin": 78_000,
    "monitor.bin": 50_000,
    "board.dtb": 3_000,
    "engine.img": 2 << 20,
    "initrd": 100_000,
    "disable-bt.dtbo": 300,
}


@pytest.fixture
def partition(tmp_path: Path) -> BootPartition:
    for number, (name, size) in enumerate(SIZES.items()):
        (tmp_path / name).write_bytes(bytes([number + 1]) * size)
    videocore = tmp_path / "videocore"
    videocore.mkdir()
    (videocore / "start4.elf").write_bytes(b"\x7fELF start")
    (videocore / "fixup4.dat").write_bytes(b"fixup")
    return BootPartition(
        armstub=tmp_path / "armstub.bin",
        kernel=tmp_path / "monitor.bin",
        kernel_address=0x20_0000,
        devicetree=tmp_path / "board.dtb",
        initramfs=(tmp_path / "engine.img", tmp_path / "initrd"),
        initramfs_address=0x3000_0000,
        overlays=(tmp_path / "disable-bt.dtbo",),
        videocore=videocore,
        options={"gpu_mem": "64"},
    )


def test_config_txt_names_every_file_and_address(partition: BootPartition) -> None:
    assert partition.config.splitlines() == [
        "arm_64bit=1",
        "enable_gic=1",
        "enable_uart=1",
        "uart_2ndstage=1",
        "gpu_mem=64",
        "armstub=armstub.bin",
        "kernel=monitor.bin",
        "kernel_address=0x200000",
        "device_tree=board.dtb",
        "initramfs engine.img,initrd 0x30000000",
        "dtoverlay=disable-bt",
    ]


def test_every_file_has_its_place(partition: BootPartition) -> None:
    assert sorted(file.destination for file in partition.files()) == [
        "armstub.bin",
        "board.dtb",
        "engine.img",
        "fixup4.dat",
        "initrd",
        "monitor.bin",
        "overlays/disable-bt.dtbo",
        "start4.elf",
    ]


def test_an_emulator_needs_no_videocore_firmware(partition: BootPartition) -> None:
    assert not {"start4.elf", "fixup4.dat"} & {file.destination for file in replace(partition, videocore=None).files()}


@pytest.mark.parametrize("name", ["start4.elf", "fixup4.dat"])
def test_missing_videocore_firmware_is_named_with_the_way_to_get_it(partition: BootPartition, name: str) -> None:
    assert partition.videocore is not None
    (partition.videocore / name).unlink()
    with pytest.raises(UsageError, match=f"there is no {name} in") as caught:
        partition.files()
    assert "videocore" in caught.value.context.hint


@pytest.mark.parametrize("option", ["gpu_mem=16", "start_x=1", "start_debug=1", "start_file=start4x.elf"])
def test_an_option_that_makes_the_board_load_another_firmware_is_refused(partition: BootPartition, option: str) -> None:
    key, _, value = option.partition("=")
    with pytest.raises(UsageError, match=f"{option} makes the board load another firmware than start4.elf"):
        _ = replace(partition, options={key: value}).config


def test_an_armstub_that_is_too_large_is_refused(partition: BootPartition) -> None:
    partition.armstub.write_bytes(b"\0" * (ARMSTUB_END + 1))
    with pytest.raises(UsageError, match="the armstub must end below 0x80000"):
        partition.files()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel_address": 0x7_0000}, r"armstub.bin \(0x0 to 0x80000\) would be overwritten by monitor.bin"),
        ({"kernel_address": 0x3010_0000}, r"engine.img,initrd .* would be overwritten by monitor.bin"),
        ({"initramfs_address": 0x20_1000}, r"monitor.bin .* would be overwritten by engine.img,initrd"),
    ],
)
def test_files_that_would_overwrite_each_other_in_memory_are_refused(
    partition: BootPartition, changes: dict[str, int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        replace(partition, **changes).files()  # type: ignore[arg-type]


def test_two_files_of_one_name_are_refused(partition: BootPartition, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "monitor.bin"
    twin.write_bytes(b"twin")
    with pytest.raises(UsageError, match=r"two files of the boot partition are called monitor\.bin"):
        replace(partition, initramfs=(twin,)).files()


def test_a_line_that_is_too_long_for_the_firmware_is_refused(partition: BootPartition, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a line of 90 characters is too long"):
        _ = replace(partition, kernel=tmp_path / ("k" * 83)).config


def test_a_file_that_is_not_what_was_built_does_not_get_on_a_card(partition: BootPartition, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"files": {"monitor.bin": {"sha256": "00"}}}')
    with pytest.raises(FlashError, match="is not what was built"):
        partition.files()


def test_a_card_has_one_bootable_fat_partition_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(b"content" * 1000)
    card = tmp_path / "card.img"
    write_card(card, {"config.txt": tmp_path / "content", "overlays/a-long-name.dtbo": tmp_path / "content"})
    assert card.stat().st_size == CARD_BYTES
    table = card.read_bytes()[:512]
    assert table[510:] == b"\x55\xaa"
    active, kind, first, sectors = struct.unpack_from("<B3xB3xII", table, 446)
    assert (active, kind, first, sectors) == (
        0x80,
        0x0C,
        PARTITION_OFFSET // 512,
        (CARD_BYTES - PARTITION_OFFSET) // 512,
    )
    for place in ("config.txt", "overlays/a-long-name.dtbo"):
        drive = f"{card}@@{PARTITION_OFFSET}"
        found = subprocess.run(["mtype", "-i", drive, f"::{place}"], capture_output=True, check=True).stdout
        assert found == b"content" * 1000


def test_equal_files_make_equal_cards(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    write_card(tmp_path / "one.img", {"a": tmp_path / "a", "b/c": tmp_path / "b"})
    (tmp_path / "a").touch()
    write_card(tmp_path / "two.img", {"b/c": tmp_path / "b", "a": tmp_path / "a"})
    assert (tmp_path / "one.img").read_bytes() == (tmp_path / "two.img").read_bytes()


def test_files_that_do_not_fit_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"\0" * (40 << 20))
    with pytest.raises(UsageError, match="large does not go on a card of 41943040 bytes: Disk full"):
        write_card(tmp_path / "card.img", {"large": tmp_path / "large"}, 40 << 20)
    assert [path.name for path in tmp_path.iterdir()] == ["large"]
