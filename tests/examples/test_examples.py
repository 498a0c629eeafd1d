"""Every repository in examples/ works: it builds its images, and its tests pass on its boards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.examples.conftest import Example

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.emulator
def test_standard_services_of_tfa_behind_uboot(example: Callable[[str], Example]) -> None:
    repository = example("tfa-uboot-linux")
    repository.build()
    standard = repository.run("--board", "tfa-uboot-monitor", str(CHECKOUT / "suites" / "smccc"))
    skipped = {case.id.rpartition("::")[2] for case in standard if case.outcome == "skipped"}
    # This firmware has TRNG and SDEI, so all of these tests run; what is left is optional in TF-A, and not built in.
    assert skipped == {
        "test_the_soc_is_identified_if_the_call_is_there",
        "test_a_reserved_type_of_reset_is_refused",
        "test_an_interface_that_is_not_there_is_not_there_at_all",
    }
    assert len(standard) > 70
