"""A comparison of two runs on a terminal, the worst first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from hil.report.compare import GONE, Change
from hil.report.origin import IMAGES
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from hil.report.compare import Comparison, Difference, Slower

SHOWN = 12
"""Lines of one kind that are shown; JSON and the page have all."""
HASH_SHOWN = 12
COMMITS_SHOWN = 10
STYLE = {
    Change.NEW_FAILURE: "bold red",
    Change.NEWLY_FLAKY: "yellow",
    Change.LOST: "magenta",
    Change.OTHER_FAILURE: "red",
    Change.STILL_FAILING: "red",
    Change.REMOVED: "red",
    Change.PUT_ASIDE: "red",
    Change.FIXED: "green",
}
BY_FILE = frozenset({Change.NEW, Change.REMOVED})
"""Of these there may be hundreds, as when fewer suites were run; then only files are named."""


def changes(found: Comparison, *, gone: bool = False) -> RenderableType:
    """Return what is to be printed of a comparison; with `gone`, the name of every test that is missing now."""
    return Group(*_lines(found, gone=gone))


def _lines(found: Comparison, *, gone: bool) -> Iterator[Text]:
    for heading, side in (("before", found.before), ("after ", found.after)):
        yield Text(f"{heading}  {side.id}: {side.verdict}")
    if len(found.boards) > 1:
        yield Text()
        yield from (Text(f"{board}: {told}") for board, told in found.by_board().items())
    for change, differences in found.by_change().items():
        yield Text(f"\n{change.value}: {len(differences)}", STYLE.get(change, "bold"))
        whole = gone and change in GONE
        if change in BY_FILE and len(differences) > SHOWN and not whole:
            yield from _by_file(differences)
            continue
        for difference in differences if whole else differences[:SHOWN]:
            yield from _difference(difference, several=len(found.boards) > 1)
        if not whole:
            yield from _more(len(differences))
    if found.slower:
        yield Text(f"\nslower: {len(found.slower)} (all in all, tests took {found.pace:.2f} times as long)", "bold")
        yield from map(_slower, found.slower[:SHOWN])
        yield from _more(len(found.slower))
    if found.origins:
        yield Text("\nother firmware, tools or machine", "bold")
        for other in found.origins:
            before = f"{_short(other.before)} → " if other.what != IMAGES else ""
            yield Text(f"  {other.board}  {other.what}  {before}{_short(other.after)}")
    if found.commits.total > 0 or found.commits.behind > 0:
        behind = f", {found.commits.behind} less" if found.commits.behind else ""
        yield Text(f"\ncommits: {found.commits.total} more{behind}", "bold")
        for told in found.commits.told[:COMMITS_SHOWN]:
            yield Text(f"  {visible(told)}")
        yield from _more(found.commits.total, COMMITS_SHOWN)
    yield Text(f"\nas before: {found.same}")


def _difference(difference: Difference, *, several: bool) -> Iterator[Text]:
    board = f"{difference.board}: " if several else ""
    before, after = difference.before or "not there", difference.after or "not there"
    words = "" if difference.change in BY_FILE else f"  {before} → {after}"
    yield Text(f"  {board}{visible(difference.id)}{words}")
    if difference.fault and difference.change in {
        Change.NEW_FAILURE,
        Change.OTHER_FAILURE,
        Change.LOST,
        Change.OTHER,
        Change.PUT_ASIDE,
    }:
        yield Text(f"      {visible(difference.fault)}", "dim")
    if difference.was and difference.change is Change.OTHER_FAILURE:
        yield Text(f"      before: {visible(difference.was)}", "dim")


def _by_file(differences: list[Difference]) -> Iterator[Text]:
    files = Counter((difference.board, difference.id.partition("::")[0]) for difference in differences)
    for (board, file), number in files.most_common(SHOWN):
        yield Text(f"  {board}: {visible(file)}  {number}")
    if len(files) > SHOWN:
        yield Text(f"  ... and {sum(files.values()) - sum(dict(files.most_common(SHOWN)).values())} more")


def _slower(slower: Slower) -> Text:
    usual = f"{slower.usual:.2f} s" + (f" (median of {slower.runs} runs)" if slower.runs > 1 else "")
    now = f"{slower.seconds:.2f} s, {slower.ratio:.1f} times as long"
    return Text(f"  {slower.board}: {visible(slower.what)}  {usual} → {now}")


def _more(number: int, shown: int = SHOWN) -> Iterator[Text]:
    if number > shown:
        yield Text(f"  ... and {number - shown} more")


def _short(value: str) -> str:
    """Hashes by their beginning, as everywhere."""
    is_hash = len(value) >= 40 and all(sign in "0123456789abcdef" for sign in value)
    return visible(value[:HASH_SHOWN] if is_hash else value) or "nothing"
