"""Every repository in examples/ works: it builds its images, and its tests pass on its boards."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.board.file.placeholders import unfilled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.examples.conftest import Example

CHECKOUT = Path(__file__).parents[2]
OTHERS = sorted((CHECKOUT / "examples" / "other-boards" / "boards").glob("*.yaml"))


@pytest.mark.emulator
def test_tfa_uboot_and_linux(example: Callable[[str], Example]) -> None:
    repository = example("tfa-uboot-linux")
    repository.build()
    assert [case.id for case in repository.run("--board", "tfa-uboot-linux") if case.outcome == "skipped"] == []
    standard = repository.run("--board", "tfa-uboot-monitor", str(CHECKOUT / "suites" / "smccc"))
    skipped = {case.id.rpartition("::")[2] for case in standard if case.outcome == "skipped"}
    # This firmware has TRNG and SDEI, so all of these tests run; what is left is optional in TF-A, and not built in.
    assert skipped == {
        "test_the_soc_is_identified_if_the_call_is_there",
        "test_a_reserved_type_of_reset_is_refused",
        "test_an_interface_that_is_not_there_is_not_there_at_all",
    }
    assert len(standard) > 70


@pytest.mark.emulator
def test_uefi(example: Callable[[str], Example]) -> None:
    repository = example("uefi")
    repository.build()
    assert [case.id for case in repository.run() if case.outcome == "skipped"] == []


def test_the_files_of_other_boards_lack_nothing_but_what_their_users_fill_in(example: Callable[[str], Example]) -> None:
    assert len(OTHERS) >= 5
    said = example("other-boards").check()
    places = re.findall(r"boards/([\w-]+)\.yaml:(\d+)", said)
    expected = [(path.stem, str(problem.line)) for path in OTHERS for problem in unfilled(path)]
    assert sorted(places) == sorted(expected), said


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_a_board_that_never_ran_says_so_in_file_and_page(path: Path) -> None:
    assert "NEVER RUN" in path.read_text(encoding="utf-8")
    page = (CHECKOUT / "docs" / "boards" / "others.md").read_text(encoding="utf-8")
    assert f"| `{path.stem}` |" in page
    assert "None of them has ever run" in page
