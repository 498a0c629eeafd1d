"""Firmware for boards that are not at hand: it is built, and it fits."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from hil.errors import BoardFileError, UsageError
from hil.firmware import PLATFORMS, build
from hil.firmware.platforms import Platform, platform_named
from hil.firmware.scp import scp_firmware
from hil.paths import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

STUB_END = 0x8_0000
"""Where BL31 of a Raspberry Pi 4 must end: TF-A's plat/rpi/rpi4."""


def test_every_platform_declares_itself() -> None:
    assert set(PLATFORMS) == {"qemu-virt", "rpi4", "juno"}
    with pytest.raises(UsageError, match="there is juno, qemu-virt, rpi4"):
        platform_named("rpi5")


@pytest.mark.parametrize("text", ["", 'description = "x"\ntfa = "x"\nimages = "floppy"', "= ="])
def test_a_declaration_that_lacks_something_is_named(tmp_path: Path, text: str) -> None:
    declaration = tmp_path / "platform.toml"
    declaration.write_text(text)
    with pytest.raises(UsageError, match=r"platform\.toml does not declare a platform"):
        Platform.declared(declaration)


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
    if scp_firmware(CHECKOUT / "boards" / "juno.yaml"):
        pytest.skip("this lab has it")
    firmware = build("juno")
    assert firmware.path("bl1.bin").stat().st_size > 0
    with pytest.raises(UsageError, match=r"has no fip\.bin"):
        firmware.path("fip.bin")


@pytest.mark.parametrize("board", sorted((CHECKOUT / "boards").glob("rpi4*.yaml")), ids=lambda path: path.stem)
def test_a_pi_s_board_file_has_the_engine_loaded_where_bl31_looks_for_it(board: Path) -> None:
    (address,) = re.findall(r"initramfs_address: (\w+)", board.read_text())
    assert int(address, 16) == platform_named("rpi4").address("VTPM_ENGINE_PA")


def test_the_scp_firmware_is_the_one_that_the_board_file_names(tmp_path: Path) -> None:
    board = tmp_path / "juno.yaml"
    assert scp_firmware(board) is None
    board.write_text("images:\n  fip: fip.bin\n")
    assert scp_firmware(board) is None
    board.write_text("images:\n  scp: scp_bl2.bin\n")
    with pytest.raises(BoardFileError, match=r"images\.scp.*there is no .*scp_bl2\.bin"):
        scp_firmware(board)
    (tmp_path / "scp_bl2.bin").write_bytes(b"scp")
    assert scp_firmware(board) == tmp_path / "scp_bl2.bin"


def test_the_path_of_the_scp_firmware_is_filled_in_as_labgrid_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LG_SCP", "r2")
    board = tmp_path / "juno.yaml"
    board.write_text("images:\n  scp: !template $BASE/$LG_SCP/scp_bl2.bin\n")
    (tmp_path / "r2").mkdir()
    (tmp_path / "r2" / "scp_bl2.bin").write_bytes(b"scp")
    assert scp_firmware(board) == tmp_path / "r2" / "scp_bl2.bin"
    board.write_text("images: [\n")
    with pytest.raises(BoardFileError, match=r"juno\.yaml:2"):
        scp_firmware(board)
