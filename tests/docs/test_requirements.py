"""The requirements that reports list are those of our documents, and those of the checklist have tests."""

from __future__ import annotations

import re
import tomllib

from tests.docs.blocks import ROOT

REQUIREMENTS = ROOT / "docs" / "requirements.toml"
CHECKLIST = ROOT / "docs" / "threat-model.md"
NOT_COVERED = "not covered yet"


def halves(text: str) -> tuple[str, str]:
    """What is covered, and what is not yet."""
    covered, _, rest = text.partition(NOT_COVERED.capitalize())
    return covered, rest


def rows(text: str) -> dict[str, str]:
    """The rows of tables whose first column has numbers; one row may stand for several."""
    found = re.findall(r"^\| ([\d, ]+) \| (.*) \|$", text, re.MULTILINE)
    return {number: what for numbers, what in found for number in numbers.split(", ")}


def test_the_list_of_threats_is_the_checklist() -> None:
    listed, checklist = (halves(file.read_text(encoding="utf-8")) for file in (REQUIREMENTS, CHECKLIST))
    assert rows(checklist[0])
    assert tomllib.loads(listed[0])["threat"] == rows(checklist[0])
    assert tomllib.loads(f"[threat]\n{listed[1].partition(chr(10))[2]}")["threat"] == rows(checklist[1])


def test_the_rows_that_have_tests_are_those_that_the_checklist_says() -> None:
    marked = {
        number
        for file in (ROOT / "suites").rglob("*.py")
        for numbers in re.findall(r"\bthreat\(([\d, ]+)\)", file.read_text(encoding="utf-8"))
        for number in numbers.split(", ")
    }
    assert marked == set(rows(halves(CHECKLIST.read_text(encoding="utf-8"))[0]))
