"""The kept list: each entry breaks one promise on purpose, and names the smallest tests that should notice.

A list is a TOML file; every entry is a table `[[mutant]]` with these keys:

| key | meaning |
|---|---|
| `id` | a short name, unique over all lists |
| `promise` | what the change breaks, in one sentence that is true of the unchanged code |
| `file`, `old`, `new` | the change: `old`, which stands in `file` exactly once, becomes `new` |
| `also` | more changes that belong to the same mutant, each with `file`, `old` and `new` |
| `tests` | what pytest should run in `tests/`, or what `hil run` should run in `suites/`; not both |
| `rows` | rows of the checklist in docs/threat-model.md that the promise belongs to |
| `board` | for suites: the board to run them on, with a firmware built from the changed tree |
| `limit` | seconds after which the tests are stopped, the build of the firmware included |
| `timeout_kills` | the change makes something wait forever, so a timeout is what proves it was noticed |
| `errors_kill` | the change is noticed while a test is set up, so an error counts as well as a failure |
| `excuse` | why no test can notice the change here; with `tests`, they are run all the same |
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HOST_SECONDS = 180.0
BOARD_SECONDS = 420.0
SUITES = "suites/"


class ListError(Exception):
    """The list cannot be used; the message names the file and the entry, and says what to change."""


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One substitution in one file."""

    file: str
    old: str
    new: str


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the list; the keys are described above."""

    id: str
    promise: str
    file: str
    old: str
    new: str
    also: tuple[Change, ...] = ()
    tests: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    board: str = "qemu-virt"
    limit: float = 0.0
    timeout_kills: bool = False
    errors_kill: bool = False
    excuse: str = ""

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes to the tree."""
        return (Change(self.file, self.old, self.new), *self.also)

    @property
    def on_board(self) -> bool:
        """Whether a board judges it, and not the tests of `tests/`."""
        return any(test.startswith(SUITES) for test in self.tests)

    @property
    def seconds(self) -> float:
        """The time limit of its tests."""
        return self.limit or (BOARD_SECONDS if self.on_board else HOST_SECONDS)


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    mutant: tuple[Mutant, ...]


def read_lists(folder: Path) -> dict[str, tuple[Mutant, ...]]:
    """Return the mutants of every `*.toml` in a folder, by the file's stem. Raises `ListError`."""
    lists = {path.stem: _read(path) for path in sorted(folder.glob("*.toml"))}
    if not lists:
        raise ListError(f"{folder} holds no list of mutants (*.toml)")
    seen: dict[str, str] = {}
    for name, mutants in lists.items():
        for mutant in mutants:
            if mutant.id in seen:
                raise ListError(f"{folder / name}.toml: the id {mutant.id} is also used in {seen[mutant.id]}.toml")
            seen[mutant.id] = name
    return lists


def _read(path: Path) -> tuple[Mutant, ...]:
    try:
        mutants = msgspec.convert(tomllib.loads(path.read_text()), _Document).mutant
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ListError(f"{path}: {error}") from None
    for mutant in mutants:
        if reason := _flaw(mutant):
            raise ListError(f"{path}: mutant {mutant.id}: {reason}")
    return mutants


def _flaw(mutant: Mutant) -> str:
    if not mutant.tests and not mutant.excuse:
        return "name the tests that should notice it, or an excuse"
    if mutant.on_board and not all(test.startswith(SUITES) for test in mutant.tests):
        return "a mutant is judged by tests/ or by suites/, not by both"
    if any(change.old == change.new or not change.old for change in mutant.changes):
        return "`old` must not be empty, and `new` must differ from it"
    return ""


def chosen(lists: dict[str, tuple[Mutant, ...]], only: Iterable[str]) -> dict[str, tuple[Mutant, ...]]:
    """Return the mutants whose id or whose list is named in `only`; all of them if nothing is. Raises `ListError`."""
    names = set(only)
    known = lists.keys() | {mutant.id for mutants in lists.values() for mutant in mutants}
    if unknown := sorted(names - known):
        raise ListError(f"no mutant and no list is called {', '.join(unknown)}; the lists are {', '.join(lists)}")
    if not names:
        return lists
    picked = {
        name: tuple(mutant for mutant in mutants if name in names or mutant.id in names)
        for name, mutants in lists.items()
    }
    return {name: mutants for name, mutants in picked.items() if mutants}
