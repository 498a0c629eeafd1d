"""The history on a terminal: one line per test, one letter per run, the newest on the right."""

from __future__ import annotations

from itertools import groupby
from string import ascii_lowercase
from typing import TYPE_CHECKING, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hil.report.text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hil.report.history import History, TestHistory
    from hil.report.index import IndexedRun

LETTERS = {
    "passed": (".", "green"),
    "flaky": ("~", "yellow"),
    "failed": ("F", "bold red"),
    "error": ("E", "bold red"),
    "xfailed": ("x", "dim"),
    "skipped": ("s", "dim"),
    "unfit": ("-", "dim"),
    "blocked": ("b", "magenta"),
    "quarantined": ("q", "yellow"),
    "infrastructure": ("I", "bold magenta"),
    "usage": ("U", "yellow"),
    "interrupted": ("!", "yellow"),
    "findings": ("F", "bold red"),
    "running": ("?", "yellow"),
    "killed": ("K", "bold magenta"),
    "nothing-ran": ("0", "yellow"),
    "not-run": ("n", "yellow"),
}
"""A letter and a style for each word of a test, and each verdict of a run."""
NO_PART = " "
FIRMWARES = ascii_lowercase
"""The letters of firmware images, the oldest first; when there are more images, the last letter stands for the rest."""
LEAST_RUNS = 8
"""At least this many runs are shown, however narrow the terminal is."""
OTHER_COLUMNS = 46
"""Characters that a line needs beside the name of the test and its runs."""
SHORTEST_NAME = 24

_COLUMNS: dict[str, Literal["left", "right"]] = {
    "runs": "left",
    "flaky": "right",
    "median": "right",
    "fails since": "left",
    "test": "left",
}
_Row = tuple[Text, str, str, Text | str, Text | str]


def grid(found: History, *, width: int, everything: bool = False) -> RenderableType:
    """Return the grid, at most `width` characters wide; tests that never failed only counted, unless `everything`."""
    if not found.runs:
        return Text("no run to show")
    shown = [test for test in found.tests if everything or not test.steady]
    longest = max((len(test.id) for test in shown), default=SHORTEST_NAME)
    columns = min(len(found.runs), max(LEAST_RUNS, width - OTHER_COLUMNS - min(longest, SHORTEST_NAME)))
    name = max(SHORTEST_NAME, min(longest, width - OTHER_COLUMNS - columns))
    firmwares = firmwares_of(found.runs[-columns:])
    rows: list[_Row] = [(_letters([run.verdict for run in found.runs[-columns:]]), "", "", "", "verdict of the run")]
    for board, tests in groupby(sorted(shown, key=urgency), key=lambda test: test.board):
        marks = [firmwares.get(firmware_of(run, board), NO_PART) for run in found.runs[-columns:]]
        rows.append((Text("".join(marks), "cyan"), "", "", "", Text(board, "bold")))
        rows += [_row(test, name, columns, firmwares) for test in tests]
    return Group(_heading(found, columns), _table(rows), *_closing(found, len(shown), firmwares))


def _table(rows: list[_Row]) -> Table:
    """The rows as a table, without columns in which nothing stands."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    filled = [number for number in range(len(_COLUMNS)) if any(row[number] for row in rows)]
    for number, (heading, justify) in enumerate(_COLUMNS.items()):
        if number in filled:
            table.add_column(heading, justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*(row[number] for number in filled))
    return table


def _heading(found: History, columns: int) -> Text:
    oldest, newest = found.runs[-columns], found.runs[-1]
    number = f"{columns} of {len(found.runs)}" if columns < len(found.runs) else f"{columns}"
    if number == "1":
        return Text(f"1 run, {_when(newest.started)}")
    return Text(f"{number} runs, {_when(oldest.started)} to {_when(newest.started)}, newest on the right")


def _row(test: TestHistory, name: int, columns: int, firmwares: dict[str, str]) -> _Row:
    since = since_when(test, firmwares)
    return (
        _letters([moment.word if moment else "" for moment in test.moments[-columns:]]),
        f"{test.flake_rate:.0%}" if test.flips else "",
        f"{test.seconds:.2f} s" if test.seconds else "",
        Text(since, "red") if since else "",
        Text(f"  {_tail(visible(test.id), name)}"),
    )


def since_when(test: TestHistory, firmwares: dict[str, str]) -> str:
    """Since when a test fails: month, day, time, and the firmware's mark; empty when it does not."""
    if test.since is None:
        return ""
    mark = firmwares.get(test.since.firmware_hash, "")
    return f"{_when(test.since.started)[5:]} {mark}".rstrip() + ("" if test.since.before else " or before")


def _closing(found: History, shown: int, firmwares: dict[str, str]) -> list[Text]:
    words = found.words
    told: dict[str, list[str]] = {}
    for word, (letter, _) in LETTERS.items():
        if word in words:
            told.setdefault(letter, []).append(word)
    lines = [Text("  ".join(f"{letter} {' or '.join(meant)}" for letter, meant in told.items()), "dim")]
    for firmware, mark in firmwares.items():
        commit = next((board.git for run in found.runs for board in run.boards if board.firmware_hash == firmware), "")
        lines.append(
            Text(f"{mark} firmware {firmware[:12]}" + (f", first at commit {commit[:12]}" if commit else ""), "cyan")
        )
    if hidden := len(found.tests) - shown:
        lines.append(Text(f"never failed: {hidden} more"))
    if found.unread:
        lines.append(Text(f"left out, with records of other versions or broken: {found.unread} runs", "dim"))
    return lines


def urgency(test: TestHistory) -> tuple[str, bool, float, str]:
    """Board by board: what fails now, then what changes its mind most."""
    return test.board, test.since is None, -test.flake_rate, test.id


def _letters(words: list[str]) -> Text:
    letters = Text()
    for word in words:
        letters.append(*LETTERS.get(word, (NO_PART, "")))
    return letters


def firmwares_of(runs: tuple[IndexedRun, ...]) -> dict[str, str]:
    """A mark for each firmware that ran, by its hash."""
    seen = dict.fromkeys(board.firmware_hash for run in runs for board in run.boards if board.firmware_hash)
    return {firmware: FIRMWARES[min(number, len(FIRMWARES) - 1)] for number, firmware in enumerate(seen)}


def firmware_of(run: IndexedRun, board: str) -> str:
    """The hash of what a board ran."""
    return next((known.firmware_hash for known in run.boards if known.name == board), "")


def _when(started: str) -> str:
    return started[:16].replace("T", " ")


def _tail(text: str, width: int) -> str:
    """The end of a test's id tells more than its beginning."""
    return text if len(text) <= width else f"…{text[1 - width :]}"
