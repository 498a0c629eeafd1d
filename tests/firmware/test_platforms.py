"""Firmware for boards that are not at hand: it is built, and it fits."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from hil.board.file.boardfile import BoardFile
from hil.errors import UsageError
from hil.firmware import PLATFORMS, build
from hil.firmware.errors import BuildFailed
from hil.firmware.packing import Packing, packing_of
from hil.firmware.platforms import Platform, platform_named
from hil.paths import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

STUB_END = 0x8_0000
"""Where BL31 of a Raspberry Pi 4 must end: TF-A's plat/rpi/rpi4."""


def test_every_platform_declares_itself() -> None:
    assert set(PLATFORMS) == {"qemu-virt", "rpi4", "juno"}
    with pytest.raises(UsageError, match="there is juno, qemu-virt, rpi4"):
        platform_named("rpi5")


HEAD = 'description = "x"\ntfa = "x"\ntargets = ["bl1"]\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "missing required field `description`"),
        ("= =", "Invalid"),
        (HEAD, "missing required field `images`"),
        (f"{HEAD}image = 1", "unknown field `image`"),
        (f'{HEAD}images."a".parts = [{{ tfa = "x", build = "y" }}]', "either `tfa` or `build`"),
        (f'{HEAD}images."a".parts = [{{ tfa = "x", offset = "2" }}]', r"images\[...\]\.parts\[0\]\.offset"),
    ],
)
def test_a_declaration_that_is_wrong_is_named_with_the_key(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "platform.toml").write_text(text)
    with pytest.raises(UsageError, match=rf"(?s)platform\.toml does not declare a platform: .*{why}"):
        Platform.read(tmp_path)


@pytest.fixture
def packing(tmp_path: Path) -> Packing:
    """Return how the files of a toy are made: of `a`, of TF-A's `b` and `fip.bin`, with a room of 16 bytes."""
    (tmp_path / "platform.toml").write_text(
        f"""{HEAD}
        images."image".parts = [{{ build = "a" }}, {{ tfa = "b", offset = 4 }}, {{ tfa = "fip.bin", offset = 8 }}]
        images."image".fill = 0xee
        images."image".size = "ROOM"
        without_scp = {{ targets = ["less"], images = [] }}
        """
    )
    (tmp_path / "vtpm_platform.h").write_text("#define ROOM 16\n")
    (tmp_path / "made").mkdir()
    for name, content in {"a": b"aa", "made/b": b"bbbb", "made/fip.bin": b"fip", "other": b"x"}.items():
        (tmp_path / name).write_bytes(content)
    return packing_of(Platform.read(tmp_path), tmp_path / "scp")


def test_an_image_has_each_part_where_the_platform_says(packing: Packing, tmp_path: Path) -> None:
    packing.pack(tmp_path / "made", tmp_path)
    assert (tmp_path / "image").read_bytes() == b"aa\xee\xeebbbbfip" + 5 * b"\xee"
    packing.write("image", tmp_path / "made", tmp_path, tmp_path / "linux", fip=tmp_path / "other")
    assert (tmp_path / "linux").read_bytes() == b"aa\xee\xeebbbbx" + 7 * b"\xee"


def test_parts_that_do_not_fit_are_named(packing: Packing, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"aaaaa")
    with pytest.raises(BuildFailed, match="what precedes b has 5 bytes and reaches into it"):
        packing.pack(tmp_path / "made", tmp_path)
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "made" / "fip.bin").write_bytes(bytes(9))
    with pytest.raises(BuildFailed, match="image has 17 bytes, and room for 16"):
        packing.pack(tmp_path / "made", tmp_path)


def test_an_image_that_cannot_be_made_without_the_lab_does_not_stay_from_an_earlier_build(
    packing: Packing, tmp_path: Path
) -> None:
    packing.pack(tmp_path / "made", tmp_path)
    less = packing_of(packing.platform, None)
    assert less.targets == ("less",)
    less.pack(tmp_path / "made", tmp_path)
    assert not (tmp_path / "image").exists()


def test_the_pi_s_firmware_knows_its_engine_and_fits() -> None:
    firmware = build("rpi4")
    stub = firmware.path("armstub.bin").read_bytes()
    assert len(stub) <= STUB_END
    assert hashlib.sha256(firmware.path("engine.bin").read_bytes()).digest() in stub
    image = firmware.path("engine.img").read_bytes()
    assert image.rstrip(b"\0") == firmware.path("engine.bin").read_bytes().rstrip(b"\0")
    assert len(image) == platform_named("rpi4").address("VTPM_ENGINE_MAX_BYTES")
    assert firmware.path("monitor.bin").stat().st_size > 0


def test_juno_s_firmware_is_built_without_what_only_the_lab_has() -> None:
    if BoardFile.read(CHECKOUT / "boards" / "juno.yaml").scp():
        pytest.skip("this lab has it")
    firmware = build("juno")
    assert firmware.path("bl1.bin").stat().st_size > 0
    with pytest.raises(UsageError, match=r"has no fip\.bin"):
        firmware.path("fip.bin")


@pytest.mark.parametrize("board", sorted((CHECKOUT / "boards").glob("rpi4*.yaml")), ids=lambda path: path.stem)
def test_a_pi_s_board_file_has_the_engine_loaded_where_bl31_looks_for_it(board: Path) -> None:
    (address,) = re.findall(r"initramfs_address: (\w+)", board.read_text())
    assert int(address, 16) == platform_named("rpi4").address("VTPM_ENGINE_PA")
