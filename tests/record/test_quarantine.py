"""The file of tests that do not decide: what it may say, and for how long."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from hil.errors import UsageError
from hil.record import Quarantine
from hil.record.quarantine import read

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = """
[[quarantine]]
test = "suites/tpm/test_a.py::test_*[1-x]"
owner = "ann"
reason = "known since May"
expires = 2026-12-31
board = "qemu-*"
"""
DAY = date(2026, 12, 31)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "quarantine.toml"


def test_an_entry_is_about_tests_and_boards_that_fit_its_patterns(file: Path) -> None:
    file.write_text(ENTRY)
    (entry,) = read(file, ["qemu-virt", "rpi4"], DAY)
    assert entry.why == Quarantine("ann", "known since May", "2026-12-31")
    assert entry.line == 2
    assert entry.matches("suites/tpm/test_a.py::test_one[1-x]")
    assert not entry.matches("suites/tpm/test_a.py::test_one[1]")
    assert not entry.matches("suites/tpm/test_b.py::test_one[1-x]")
    assert entry.is_about("qemu-virt")
    assert not entry.is_about("rpi4")


def test_a_pattern_of_files_is_about_all_tests_in_them(file: Path) -> None:
    file.write_text(ENTRY.replace("test_a.py::test_*[1-x]", "*.py"))
    (entry,) = read(file, (), DAY)
    assert entry.matches("suites/tpm/test_b.py::TestAll::test_one[1]")
    assert not entry.matches("suites/queue/test_b.py::test_one")


def test_without_a_file_nothing_is_in_quarantine(file: Path) -> None:
    assert read(file) == ()


def test_an_entry_holds_until_the_end_of_its_day(file: Path) -> None:
    file.write_text(ENTRY)
    assert read(file, (), DAY)
    with pytest.raises(UsageError, match=r"quarantine.toml:2: .*: expired on 2026-12-31") as refused:
        read(file, (), date(2027, 1, 1))
    assert "ann mends the test" in str(refused.value)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("[[quarantine]]\n", "[[quarantine]]\n[[quarantine]]\n", r":2: `test` is missing, or no text"),
        ('owner = "ann"', 'owner = " "', r":2: `owner` is missing, or no text"),
        ('reason = "known since May"', "reason = 5", r":2: `reason` is missing, or no text"),
        ("expires = 2026-12-31", "", r":2: `expires` is missing, or no date"),
        ("expires = 2026-12-31", 'expires = "2026-12-31"', r":2: `expires` is missing, or no date"),
        ("expires = 2026-12-31", "expires = 2026-12-31T00:00:00", r":2: `expires` is missing, or no date"),
        ("owner", "whom", r":2: an entry has no key `whom`"),
        ('board = "qemu-*"', 'board = "juno"', r":2: suites/.*: there is no board juno"),
        ("[[quarantine]]", "[[quarantine]", r"quarantine.toml: the quarantine cannot be read: .*line 2"),
        ("[[quarantine]]", "[[tests]]", r"quarantine.toml: `tests` is not known here"),
        ("[[quarantine]]", "[quarantine]", r"quarantine.toml: `quarantine` is no list of tables"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(file: Path, before: str, after: str, complaint: str) -> None:
    assert before in ENTRY
    file.write_text(ENTRY.replace(before, after))
    with pytest.raises(UsageError, match=complaint):
        read(file, ["qemu-virt"], DAY)
