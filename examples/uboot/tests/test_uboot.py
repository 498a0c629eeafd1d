"""What a user expects of U-Boot on this board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import CommandFailed

if TYPE_CHECKING:
    from hil.fixtures import Board, Console, Prompt


def test_the_boot_can_be_stopped_for_two_seconds(uboot: Prompt) -> None:
    assert uboot.run("printenv bootdelay").text == "bootdelay=2"


def test_the_version_is_that_of_the_package(uboot: Prompt) -> None:
    assert uboot.run("version").lines[0].startswith("U-Boot 2023.01")


def test_all_memory_is_found(uboot: Prompt) -> None:
    assert "-> size     = 0x0000000008000000" in uboot.run("bdinfo").lines


def test_a_variable_is_gone_after_a_reset_unless_it_was_saved(board: Board, uboot: Prompt) -> None:
    uboot.run("setenv kept 1; saveenv; setenv lost 1")
    with board.strategy.expecting_reboot():
        uboot.send("reset")
    after = board.prompt()
    assert after.run("printenv kept").text == "kept=1"
    assert after.run("printenv lost", check=False).status == 1


def test_each_test_starts_from_the_same_state(uboot: Prompt) -> None:
    with pytest.raises(CommandFailed):
        uboot.run("printenv kept")


def test_memory_keeps_what_is_written(uboot: Prompt) -> None:
    uboot.run("mw.q 0x42000000 0x0123456789abcdef 2")
    assert uboot.run("md.q 0x42000008 1").text.startswith("42000008: 0123456789abcdef")


def test_the_automatic_boot_goes_on_if_nobody_stops_it(console: Console) -> None:
    console.sendline("boot")
    console.expect(r"^=> ", timeout=30)  # there is nothing to boot here, so U-Boot comes back
