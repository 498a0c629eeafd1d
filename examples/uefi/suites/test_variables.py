"""Variables of UEFI: they outlive a reset, and a power cycle where the test asks for that; no test sees another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.fixtures import Board, Prompt

VENDOR = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""UEFI Specification, "Globally Defined Variables": EFI_GLOBAL_VARIABLE."""
OURS = "3d4ac9a5-6f0e-4b1e-9a43-5a3f52f0c1d7"


def store(shell: Prompt, value: str, *, volatile: bool = False) -> None:
    """Set our variable; it is kept in flash unless it is volatile."""
    shell.run(f"setvar HilExample -guid {OURS} -bs {'' if volatile else '-nv '}={value}")


def stored(shell: Prompt) -> str:
    """Return the bytes of our variable in hexadecimal; empty if there is no such variable."""
    answer = shell.run(f"setvar HilExample -guid {OURS}", check=False)
    return "" if answer.status else answer.lines[-1].replace(" ", "")


def test_a_variable_can_be_read_back(uefi_shell: Prompt) -> None:
    assert stored(uefi_shell) == ""
    store(uefi_shell, "4869")
    assert stored(uefi_shell) == "4869"


def test_the_next_test_does_not_see_it(uefi_shell: Prompt) -> None:
    assert stored(uefi_shell) == ""


def test_the_variables_of_the_firmware_are_there(uefi_shell: Prompt) -> None:
    assert "BootOrder" in uefi_shell.run(f"dmpstore BootOrder -guid {VENDOR}").text


@pytest.mark.cold_boot
def test_a_stored_variable_outlives_reset_and_power_cycle_and_a_volatile_one_does_not(cold_board: Board) -> None:
    with cold_board.keeping_nvram():
        cold_board.transition("shell")
        store(cold_board.prompt(), "4142")
        with cold_board.strategy.expecting_reboot():
            cold_board.prompt().send("reset")
        assert stored(cold_board.prompt()) == "4142"
        cold_board.transition("off")
        cold_board.transition("shell")
        assert stored(cold_board.prompt()) == "4142"
