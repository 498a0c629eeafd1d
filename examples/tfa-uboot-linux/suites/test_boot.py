"""The stages of the boot, and what each of them leaves for the next one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.fixtures import Board, Console, Prompt

MANIFEST = json.loads((Path(__file__).parents[1] / "build" / "manifest.json").read_text(encoding="utf-8"))
PINNED = MANIFEST["inputs"]


@pytest.mark.cold_boot
def test_every_stage_of_tfa_is_of_the_pinned_version(cold_board: Board) -> None:
    cold_board.transition("uboot")  # the banner of BL31 may be read in part when `tfa` is reached
    said = [line.text for line in cold_board.strategy.transcripts["console"].since(0)]
    versions = dict(re.findall(r"^NOTICE:  (BL\d+): (v\d+\.\d+\.\d+)", "\n".join(said), re.MULTILINE))
    assert set(versions) == {"BL1", "BL2", "BL31"}
    assert {version.removeprefix("v") for version in versions.values()} == {
        PINNED["arm-trusted-firmware"].partition("+")[0]
    }


def test_uboot_is_the_pinned_one(uboot: Prompt) -> None:
    assert PINNED["u-boot-qemu"] in uboot.run("version").lines[0]


def test_uboot_sees_all_of_the_memory(uboot: Prompt) -> None:
    bank = dict(re.findall(r"^-> (\w+) +=? *(0x[0-9a-f]+)", uboot.run("bdinfo").text, re.MULTILINE))
    assert {name: int(value, 16) for name, value in bank.items()} == {"start": 1 << 30, "size": 1 << 30}


def test_a_variable_of_the_environment_can_be_set(uboot: Prompt) -> None:
    uboot.run("setenv greeting hello from a test")
    assert uboot.run("printenv greeting").text.strip() == "greeting=hello from a test"
    assert uboot.run("printenv never_set", check=False).status == 1


def test_the_next_test_has_the_default_environment(uboot: Prompt) -> None:
    assert uboot.run("printenv greeting", check=False).status == 1
    assert "qfw" in uboot.run("printenv boot_targets").text


@pytest.mark.state("uboot")
def test_the_device_tree_has_what_tfa_put_into_it(console: Console) -> None:
    console.sendline("fdt addr $fdtcontroladdr")
    console.prompt()
    console.sendline("fdt list /psci")
    assert 'method = "smc"' in console.prompt()


def test_linux_is_the_pinned_kernel_on_all_processors(shell: Prompt) -> None:
    release = next(name for name in PINNED if name.startswith("linux-image-")).removeprefix("linux-image-")
    assert shell.run("uname -r").text.strip() == release
    assert shell.run("nproc").text.strip() == "2"


def test_linux_was_started_at_el2_and_found_the_psci_of_tfa(shell: Prompt) -> None:
    log = shell.run("dmesg").text
    assert "All CPU(s) started at EL2" in log
    assert re.search(r"PSCIv1\.\d+ detected in firmware", log)


def test_a_command_that_fails_says_so(shell: Prompt) -> None:
    assert shell.run("ls /nowhere", check=False).status == 1
