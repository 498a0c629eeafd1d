"""Counters become lines: gcc's own notes, our data, gcc's own gcov."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.coverage.lines import SourceFile, add_lines
from hil.coverage.notes import Notes
from hil.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "firmware/service/core/counted.c"


def counts(notes: Notes, **calls: int) -> list[int]:
    """Counters as if each function had been called so often, on the way that its first counter stands for."""
    return [
        calls.get(function.name, 0) if number == 0 else 0
        for function in notes.functions
        for number in range(function.counters)
    ]


def lines_of(notes: Notes, *several: list[int]) -> SourceFile:
    total: dict[str, SourceFile] = {}
    for one in several:
        add_lines(total, [notes], one)
    assert list(total) == [FILE]
    return total[FILE]


def test_every_function_of_an_object_is_noted_with_its_counters(notes: Notes) -> None:
    assert sorted(function.name for function in notes.functions) == ["chosen", "never", "twice"]
    assert {function.name: function.counters for function in notes.functions} == {"never": 1, "twice": 1, "chosen": 2}


def test_a_line_has_the_count_of_its_function(notes: Notes, lines: list[str]) -> None:
    file = lines_of(notes, counts(notes, twice=3))
    assert file.lines[lines.index("\treturn 2 * number;")] == 3
    assert file.functions["twice"] == (lines.index("static int twice(int number)"), 3)


def test_what_never_ran_is_there_with_zero(notes: Notes, lines: list[str]) -> None:
    file = lines_of(notes, counts(notes, twice=3))
    assert file.lines[lines.index("\treturn number;")] == 0
    assert file.functions["never"][1] == 0
    assert 0 < file.covered < len(file.lines)


def test_two_ways_through_a_function_are_told_apart(notes: Notes, lines: list[str]) -> None:
    there, not_there = lines.index("\t\treturn twice(number);"), lines.index("\treturn -number;")
    start = next(at for at, function in enumerate(notes.functions) if function.name == "chosen")
    first = sum(function.counters for function in notes.functions[:start])
    seen = set()
    for way in (first, first + 1):
        only = [0] * sum(function.counters for function in notes.functions)
        only[way] = 5
        file = lines_of(notes, only)
        seen.add((file.lines[there], file.lines[not_there]))
    assert seen == {(5, 0), (0, 5)}


def test_what_boards_have_counted_is_added(notes: Notes, lines: list[str]) -> None:
    file = lines_of(notes, counts(notes, twice=3), counts(notes, twice=4, never=1))
    assert file.lines[lines.index("\treturn 2 * number;")] == 7
    assert file.lines[lines.index("\treturn number;")] == 1
    assert file.functions["twice"][1] == 7


def test_notes_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gcno").write_bytes(b"no notes of any compiler")
    with pytest.raises(UsageError, match=r"a\.gcno has no notes of gcc 12"):
        Notes.read(tmp_path / "a.gcno")


def test_data_of_another_build_is_refused(notes: Notes, tmp_path: Path) -> None:
    other = tmp_path / notes.path.name
    other.write_bytes(notes.path.read_bytes())
    version, stamp, checksum = notes.unit
    strange = Notes(other, (version, stamp + 1, checksum), notes.functions)
    with pytest.raises(InfrastructureError, match="stamp mismatch"):
        add_lines({}, [strange], counts(notes))
