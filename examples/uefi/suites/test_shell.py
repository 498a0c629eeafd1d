"""Commands of the shell, and their statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.fixtures import Prompt

NOT_FOUND = 14
"""UEFI Specification, "Status Codes": EFI_NOT_FOUND. The shell leaves out the bit that says that it is an error."""


def test_the_shell_says_which_uefi_it_runs_on(uefi_shell: Prompt) -> None:
    said = uefi_shell.run("ver").text
    assert "UEFI Interactive Shell v2.2" in said
    assert "EDK II" in said


def test_a_command_that_does_not_exist_has_a_status(uefi_shell: Prompt) -> None:
    answer = uefi_shell.run("nosuchcommand", check=False)
    assert answer.status == NOT_FOUND
    assert "is not recognized" in answer.text


def test_the_memory_map_has_the_firmware_and_what_is_free(uefi_shell: Prompt) -> None:
    kinds = {line.split()[0] for line in uefi_shell.run("memmap").lines if line.strip()}
    assert {"Available", "BS_Code", "RT_Code"} <= kinds


def test_a_shell_variable_is_gone_in_the_next_test(uefi_shell: Prompt) -> None:
    assert uefi_shell.run("echo [%left_behind%]").text.strip() == "[]"
    uefi_shell.run("set -v left_behind here")
    assert uefi_shell.run("echo [%left_behind%]").text.strip() == "[here]"
