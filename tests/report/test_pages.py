"""The pages of comparison and history need nothing else, and show what a target says as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.record import Fault, FaultKind
from hil.report.compare import compare
from hil.report.history import history
from hil.report.pages import compare_page, history_page
from tests.report.parsed import HOSTILE, Parsed
from tests.report.runs import FILE, Lab, case

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def hostile(lab: Lab) -> tuple[Path, Path]:
    """Two runs whose every text wants to be markup."""
    fault = Fault(FaultKind.FIRMWARE, "call", "Panic", HOSTILE, finding=True)
    before = lab.run(case(f"test_a[{HOSTILE}]", "passed"))
    lab.qemu = HOSTILE
    return before, lab.run(case(f"test_a[{HOSTILE}]", "failed", fault=fault))


def test_the_comparison_is_text_and_loads_nothing(lab: Lab) -> None:
    page = Parsed(compare_page(compare(*hostile(lab))))
    assert page.text.count(HOSTILE) == 3
    assert not [name for name, _ in page.elements if name in {"script", "img", "link"}]


def test_the_history_is_text_and_loads_nothing(lab: Lab) -> None:
    hostile(lab)
    page = Parsed(history_page(history(lab.reports, 9)))
    assert [name for name, _ in page.elements].count("script") == 2
    assert not [name for name, attributes in page.elements if name in {"img", "link"} or attributes.get("src")]
    assert page.embedded["history-data"]["tests"][0]["id"] == f"{FILE}::test_a[{HOSTILE}]"


def test_the_history_holds_what_its_script_shows(lab: Lab) -> None:
    for outcome in ("passed", "failed"):
        lab.run(case("test_a", outcome), case("test_b", "passed"))
    data = Parsed(history_page(history(lab.reports, 9), runs_at="/runs/")).embedded["history-data"]
    assert [test["steady"] for test in data["tests"]] == [False, True]
    assert data["tests"][0]["moments"] == [["passed", 1.0], ["failed", 1.0]]
    assert data["firmwares"] == {"rpi4": ["a", "a"]}
    assert data["runs_at"] == "/runs/"
    assert set(data["letters"]) == {"passed", "failed", "findings"}


def test_the_comparison_says_what_got_worse_before_the_rest(lab: Lab) -> None:
    before = lab.run(case("test_a", "passed"), case("test_b", "failed"))
    text = Parsed(compare_page(compare(before, lab.run(case("test_a", "failed"), case("test_b", "passed"))))).text
    assert text.index("worse") < text.index("new failures: 1") < text.index("fixed: 1")
