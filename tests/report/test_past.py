"""What a page says is new is what changed since the runs before, and it stays so when the page is made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.record import load
from hil.report import write_reports
from hil.report.past import Past, read_past
from tests.report.runs import FILE, STARTED, Lab, case

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "reports")


def past(lab: Lab, *outcomes: str) -> Past | None:
    """Run a test once for each outcome; returns what the last run says of it."""
    for outcome in outcomes:
        run = lab.run(*([case("test_a", outcome)] if outcome else []), case("test_b", "passed"))
    write_reports(load(run), run)
    return read_past(run).get(("rpi4", f"{FILE}::test_a"))


@pytest.mark.parametrize(
    ("outcomes", "change"),
    [
        (("passed", "failed"), "new failure"),
        (("failed", "failed"), "fails still"),
        (("passed", "failed", "lost", "skipped", "failed"), "fails still"),
        (("failed", "passed"), "fixed"),
        (("failed", "flaky"), "newly flaky"),
        (("", "passed"), "new test"),
        (("", "failed"), "new failure"),
    ],
)
def test_a_change_has_a_name(lab: Lab, outcomes: tuple[str, ...], change: str) -> None:
    found = past(lab, *outcomes)
    assert found
    assert found.change == change


@pytest.mark.parametrize(
    "outcomes", [("passed", "passed"), ("passed", "skipped"), ("passed", "lost"), ("failed",), ("flaky", "flaky")]
)
def test_what_is_as_ever_or_not_known_is_not_new(lab: Lab, outcomes: tuple[str, ...]) -> None:
    assert past(lab, *outcomes) is None


def test_a_failure_says_since_which_run_it_is(lab: Lab) -> None:
    lab.run(case("test_a", "passed"))
    first = lab.run(case("test_a", "failed"))
    found = past(lab, "failed", "failed")
    assert found
    assert (found.run, found.runs, found.before) == (first.name, 3, True)
    assert found.started > STARTED
