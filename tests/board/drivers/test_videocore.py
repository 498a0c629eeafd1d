"""The stand-in for the VideoCore firmware starts what a board would, and refuses what a board would not."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.board.drivers.devicetree import DeviceTree
from hil.board.drivers.videocore import BootRefused, Hardware, Load, boot, read_config
from hil.board.flash.sdcard import write_card

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
arm_64bit=1
enable_gic=1
armstub=stub.bin
kernel=kernel.bin
kernel_address=0x200000
device_tree=board.dtb
initramfs engine.img,system.img 0x21000000
"""
STUB = bytearray(0x200)
struct.pack_into("<I", STUB, 0xF0, 0x5AFE570B)
TREE = """/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <1>;
	chosen { };
	memory@0 { device_type = "memory"; reg = <0 0 0>; };
	rng: rng@fe104000 { compatible = "brcm,bcm2711-rng200"; };
};
"""
OVERLAY = """/dts-v1/;
/plugin/;
&{/chosen} { stdout-path = "serial0"; };
"""
BOARD = Hardware(memory=2 << 30, seed=bytes(range(64)), absent=["/rng@fe104000"])


def compiled(source: str) -> bytes:
    return subprocess.run(
        ["dtc", "-q", "-@", "-O", "dtb"], input=source.encode(), capture_output=True, check=True
    ).stdout


def make_card(directory: Path, **changes: bytes | None) -> Path:
    """Make a card that boots; `changes` are files by their names, with `_` for the dot, or None for no file."""
    files: dict[str, bytes | None] = {
        "config_txt": CONFIG.encode(),
        "stub_bin": bytes(STUB),
        "kernel_bin": b"kernel",
        "board_dtb": compiled(TREE),
        "engine_img": b"engine" * 100,
        "system_img": b"system",
        **changes,
    }
    sources = {}
    for name, data in files.items():
        if data is not None:
            place = name.replace("__", "/").replace("_", ".")
            sources[place] = directory / name
            sources[place].write_bytes(data)
    write_card(directory / "card.img", sources)
    return directory / "card.img"


def started(card: Path, board: Hardware = BOARD) -> dict[str, Load]:
    return {load.name: load for load in boot(card, board)}


def asked(tree: bytes, node: str, name: str, kind: str = "s") -> str:
    with DeviceTree.from_bytes(tree) as copy:
        command = ["fdtget", "-t", kind, str(copy.path), node, name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_everything_lies_where_config_txt_says(tmp_path: Path) -> None:
    loads = started(make_card(tmp_path))
    assert loads["kernel.bin"].address == 0x200000
    assert loads["engine.img,system.img"] == Load("engine.img,system.img", 0x2100_0000, b"engine" * 100 + b"system")
    stub = loads["stub.bin"]
    assert stub.address == 0
    assert struct.unpack_from("<I4xII", stub.data, 0xF0) == (0, loads["board.dtb"].address, 0x200000)


def test_the_device_tree_is_completed(tmp_path: Path) -> None:
    tree = started(make_card(tmp_path))["board.dtb"].data
    assert asked(tree, "/chosen", "linux,initrd-start", "x") == "21000000"
    assert asked(tree, "/chosen", "linux,initrd-end", "x") == f"{0x2100_0000 + 606:x}"
    assert asked(tree, "/chosen", "rng-seed", "bx").split() == [f"{byte:x}" for byte in range(64)]
    assert asked(tree, "/memory@0", "reg", "x").split() == ["0", "0", "3b400000", "0", "40000000", "40000000"]
    assert asked(tree, "/rng@fe104000", "status") == "disabled"


def test_overlays_and_a_command_line_are_applied(tmp_path: Path) -> None:
    config = CONFIG + "dtoverlay=serial\ncmdline=cmdline.txt\ndevice_tree_address=0x8000000\n"
    overlay = compiled(OVERLAY)
    card = make_card(tmp_path, overlays__serial_dtbo=overlay, cmdline_txt=b"quiet\n", config_txt=config.encode())
    tree = started(card)["board.dtb"]
    assert tree.address == 0x800_0000
    assert asked(tree.data, "/chosen", "stdout-path") == "serial0"
    assert asked(tree.data, "/chosen", "bootargs") == "quiet"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"config_txt": None}, "config.txt is not on the boot partition"),
        ({"kernel_bin": None}, "kernel.bin is not on the boot partition"),
        ({"engine_img": None}, "engine.img is not on the boot partition"),
        ({"stub_bin": bytes(STUB) + bytes(0x80000)}, "the armstub must end below 0x80000"),
        ({"stub_bin": bytes(0x200)}, "no place for the addresses"),
        (
            {"kernel_bin": bytes(0x10_0000), "config_txt": CONFIG.replace("0x200000", "0x20ff0000").encode()},
            "kernel.bin ends at 0x210f0000 and overlaps engine.img,system.img",
        ),
        ({"config_txt": CONFIG.replace("0x21000000", "0x3b3fffff").encode()}, "in the VideoCore's memory"),
        ({"config_txt": CONFIG.replace("0x21000000", "followkernel").encode()}, "gives no address"),
        ({"config_txt": CONFIG.replace("0x21000000", "soon").encode()}, "soon is not an address"),
        ({"config_txt": CONFIG.replace("arm_64bit=1", "").encode()}, "arm_64bit=1"),
        ({"config_txt": CONFIG.replace("armstub=stub.bin", "").encode()}, "has no armstub"),
    ],
)
def test_what_a_board_would_not_start_is_refused_by_name(
    tmp_path: Path, changes: dict[str, bytes | None], why: str
) -> None:
    with pytest.raises(BootRefused, match=why):
        boot(make_card(tmp_path, **changes), BOARD)


def test_a_card_without_a_partition_is_refused(tmp_path: Path) -> None:
    card = tmp_path / "card.img"
    card.write_bytes(bytes(1 << 20))
    with pytest.raises(BootRefused, match="no FAT partition"):
        boot(card, BOARD)


def test_sections_for_other_boards_are_left_out() -> None:
    config = read_config("kernel=a\n[pi3]\nkernel=b\n[pi4] # ours\ngpu_mem=64\n[none]\nkernel=c\n[all]\nuart=1\n")
    assert config.settings == {"kernel": "a", "gpu_mem": "64", "uart": "1"}
