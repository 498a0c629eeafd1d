from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hil.errors import UsageError
from hil.firmware import build, build_directory, load
from hil.firmware.firmware import Artifact, Firmware
from hil.manifest import GitState
from hil.paths import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.firmware.conftest import Steps


@pytest.fixture
def firmware(tmp_path: Path) -> Firmware:
    directory = tmp_path / "build" / "qemu-virt"
    directory.mkdir(parents=True)
    for name in ("flash.bin", "bl31.elf"):
        (directory / name).write_bytes(name.encode())
    made = Firmware(
        platform="qemu-virt",
        artifacts={name: Artifact.from_file(directory / name) for name in ("flash.bin", "bl31.elf")},
        inputs={"openssl": "3.0"},
        tools={"gcc": "12"},
        git=GitState("c0ffee", dirty=True),
    )
    made.manifest().write(directory)
    return made


def altered(firmware: Firmware, name: str) -> Firmware:
    artifact = replace(firmware.artifacts[name], sha256="0" * 64)
    return replace(firmware, artifacts={**firmware.artifacts, name: artifact})


def test_a_build_loads_as_it_was_described(tmp_path: Path, firmware: Firmware) -> None:
    loaded = load(checkout=tmp_path)
    assert loaded == firmware
    assert loaded.firmware_hash == firmware.firmware_hash


def test_the_hash_names_what_runs_and_not_what_a_debugger_reads(firmware: Firmware) -> None:
    assert altered(firmware, "flash.bin").firmware_hash != firmware.firmware_hash
    assert altered(firmware, "bl31.elf").firmware_hash == firmware.firmware_hash


def test_without_a_build_the_user_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no firmware") as missing:
        load(checkout=tmp_path)
    assert missing.value.context.hint.startswith("hil build")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1, "files": {"flash.bin": 3}}'])
def test_a_damaged_manifest_is_no_traceback(tmp_path: Path, firmware: Firmware, text: str) -> None:
    (firmware.path("flash.bin").parent / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match=r"manifest\.json is damaged"):
        load(checkout=tmp_path)


def test_an_image_that_is_not_the_manifests_is_refused(tmp_path: Path, firmware: Firmware) -> None:
    firmware.path("flash.bin").write_bytes(b"short")
    with pytest.raises(UsageError, match=r"flash\.bin is missing or not what the manifest says"):
        load(checkout=tmp_path)


def test_a_file_that_a_firmware_does_not_have_is_answered_with_those_it_has(firmware: Firmware) -> None:
    with pytest.raises(UsageError, match=r"no sdcard\.img; it has bl31\.elf, flash\.bin"):
        firmware.path("sdcard.img")


def test_a_platform_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="'juno5'; there is juno, qemu-virt, rpi4"):
        build("juno5")


def test_a_second_build_with_nothing_changed_runs_no_step(tmp_path: Path, steps: Steps) -> None:
    shutil.copytree(CHECKOUT / "firmware", tmp_path / "firmware")
    if (built := build_directory("qemu-virt")).is_dir():  # then the first build here has little to do
        trees = shutil.ignore_patterns("tfa", "engine", "monitor", ".lock")
        shutil.copytree(built, build_directory("qemu-virt", tmp_path), ignore=trees)
    first = build(progress=steps, checkout=tmp_path)
    steps.titles.clear()
    second = build(progress=steps, checkout=tmp_path)
    assert steps.titles == []
    assert second == first
