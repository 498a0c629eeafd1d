"""The menu of the firmware, by its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.fixtures import Prompt

DOWN, ENTER = "\x1b[B", "\r"


def test_the_shell_can_be_started_from_the_boot_menu(uefi_shell: Prompt) -> None:
    """`exit` leads to the front page: language, devices, boot manager, and so on."""
    console = uefi_shell.console
    uefi_shell.send("exit")
    console.expect("Boot Manager")
    console.expect("Move Highlight")
    console.write(DOWN)
    console.write(DOWN)
    console.write(ENTER)
    console.expect("Boot Manager Menu|EFI Internal Shell")
