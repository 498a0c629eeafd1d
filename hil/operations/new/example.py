"""What SUBJECT promises. Run it with `hil run suites/SUBJECT`; docs/suites.md has all fixtures and markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.tpm import commands

if TYPE_CHECKING:
    from hil.fixtures import Board, MakeVtpm
    from hil.target.tpm import Tpm
    from hil.target.vtpm import GuestQueue


# A fixture is asked for by its name. Each test starts from the state right after boot, so nothing has to be cleaned up.
# The marker says which element of the method the test proves; it goes into the reports.
@pytest.mark.element("E8")
def test_random_bytes_differ(tpm: Tpm) -> None:
    """`tpm` is a TPM in a new VM, started, with the TCG's own software stack on top."""
    assert tpm.random(32) != tpm.random(32)


# One layer below: the queue of an instance as its VM sees it, for commands that no software stack would send.
def test_an_unknown_command_is_refused(vtpm: GuestQueue) -> None:
    """A broken promise is an assertion that fails; a board that dies meanwhile is never taken for one."""
    commands.submit(vtpm, commands.startup())
    assert commands.submit(vtpm, commands.command(0)).code != commands.SUCCESS


# A test is run once for each value; requirements are those of `Hypervisor.create_vtpm`.
@pytest.mark.parametrize("slots", [1, 2])
def test_a_queue_has_the_slots_that_were_required(make_vtpm: MakeVtpm, slots: int) -> None:
    """`make_vtpm` makes as many instances as a test needs, here one in a VM of its own."""
    assert make_vtpm(slots=slots).instance.slots == slots


# What a board lacks is in its file, with the reason. A test that needs it says so, and is skipped elsewhere.
@pytest.mark.needs_protected_secure_space
def test_the_board_says_what_it_is(board: Board) -> None:
    """`board` is the board itself."""
    assert board.features["secure_space"] == "protected"
