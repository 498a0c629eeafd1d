"""All that is wrong with a board file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from hil.board.file.boot import mistakes
from hil.board.file.classes import imported
from hil.board.file.document import Document, Filled, dotted
from hil.board.file.entries import entries
from hil.board.file.keys import FEATURES, KINDS, OPTIONS, TARGET, TOP, BoardKey
from hil.board.file.references import check_bindings, check_boards, check_images, check_lines, check_ports
from hil.spelling import misspelt, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.board.file.document import Problem, Where
    from hil.board.file.entries import Entry

STRATEGY = "BoardStrategy"


class Needed(NamedTuple):
    """A driver that a state needs: its class, or a protocol, and what to say of it."""

    cls: str
    what: str


NEEDED = {
    "monitor": Needed("MonitorDriver", "a `MonitorDriver`, over which the monitor is used"),
    "linux": Needed("ParamikoDriver", "a `ParamikoDriver`, the SSH connection over which Linux is used"),
}
"""The driver that a state of this name needs, unless it names another one."""
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def problems(path: Path) -> list[Problem]:
    """Return everything that is wrong with the board file at `path`, from top to bottom.

    What it imports is imported; nothing of it is started, and no board is touched.
    """
    document = Document(path)
    if document.data:
        _check_known(document, (), document.data, TOP)
        _check_kinds(document, (), document.data, TOP)
        _check_features(document, ("features",), document.data.get("features"))
        _check_options(document)
        check_boards(document)
        _check_targets(document)
    return sorted(document.problems)


def _check_known(document: Document, where: Where, found: Mapping[str, Any], known: Mapping[str, BoardKey]) -> None:
    for key in found:
        if key not in known:
            at = (*where, key)
            document.problem(at, f"unknown key `{dotted(at)}`{nearest(str(key), known)}")


def _check_kinds(document: Document, where: Where, found: Mapping[str, Any], known: Mapping[str, BoardKey]) -> None:
    for key, value in found.items():
        meant = known.get(key)
        if meant is None or isinstance(value, Filled):
            continue
        at = (*where, key)
        if not KINDS[meant.kind](value):
            what = "nothing" if value is None else repr(value)
            document.problem(at, f"`{dotted(at)}` is {what}; it must be {meant.kind}")
        elif meant.inside:
            inside = dict.fromkeys(value, BoardKey("", meant.inside))
            _check_kinds(document, at, value, inside)
        elif meant.values and value not in meant.values:
            document.problem(at, f"`{dotted(at)}` is {value!r}{nearest(str(value), meant.values)}")


def _check_features(document: Document, where: Where, features: Any) -> None:
    """Features of one's own are welcome; those that look like a misspelt one of ours are not."""
    for key in features if isinstance(features, dict | list) else ():
        at = (*where, key) if isinstance(features, dict) else (*where, features.index(key))
        if near := misspelt(str(key), FEATURES):
            document.problem(at, f"unknown feature `{key}`; did you mean `{near}`?")
    if isinstance(features, dict) and where[-1] == "features":
        _check_kinds(document, where, {key: str(value) for key, value in features.items()}, FEATURES)


def _check_options(document: Document) -> None:
    options = document.data.get("options")
    if not isinstance(options, dict):
        return
    _check_kinds(document, ("options",), options, OPTIONS)
    for key in options:
        if near := misspelt(str(key), OPTIONS):
            document.problem(("options", key), f"unknown key `options.{key}`; did you mean `{near}`?")
    facts = options.get("facts")
    _check_features(document, ("options", "facts"), facts)
    for key, fact in facts.items() if isinstance(facts, dict) else ():
        if isinstance(fact, str) and not fact.strip():
            document.problem(
                ("options", "facts", key), f"`options.facts.{key}` says nothing; it is the reason of skips"
            )


def _check_targets(document: Document) -> None:
    targets = document.data.get("targets")
    if not (isinstance(targets, dict) and targets):
        if isinstance(targets, dict) or "targets" not in document.data:
            document.problem(("targets",), "there is no target: `targets` takes `main`, with `drivers`")
        return
    imports = document.data.get("imports")
    modules = imports if isinstance(imports, list) else []

    def refuse(number: int, why: str) -> None:
        document.problem(("imports", number), why)

    with imported(document.path.parent, modules, refuse) as (resources, drivers, classes):
        for name, target in targets.items():
            where = ("targets", name)
            if not isinstance(target, dict):
                document.problem(where, f"`{dotted(where)}` is no mapping; it takes {', '.join(TARGET)}")
                continue
            _check_known(document, where, target, TARGET)
            _check_kinds(document, where, target, TARGET)
            _check_features(document, (*where, "features"), target.get("features"))
            found = entries(document, where, target, {"resources": resources, "drivers": drivers})
            complete = not any(problem.message.startswith(dotted(where)) for problem in document.problems)
            check_images(document, found)
            lines = check_lines(document, found)
            if complete:  # a class that nobody knows may be what another one is bound to
                check_bindings(document, found, classes)
                check_ports(document, found)
            for entry in found:
                if entry.is_a(STRATEGY):
                    _check_strategy(document, entry, lines)
                    if complete:
                        _check_states(document, entry, found)


def _check_states(document: Document, strategy: Entry, entries: Sequence[Entry]) -> None:
    """Every state that a board is to come into has the driver by which the board is used, or written, there."""
    states = strategy.values.get("states")
    for state, plan in states.items() if isinstance(states, dict) else ():
        where = (*strategy.inside, "states", state)
        named = plan.get("driver") if isinstance(plan, dict) else None
        if isinstance(named, str):
            _check_driver(document, (*where, "driver"), named, entries)
        elif (needed := NEEDED.get(str(state))) and not any(entry.is_a(needed.cls) for entry in entries):
            document.problem(where, f"state `{state}` needs {needed.what}, and there is none among the drivers")


def _check_driver(document: Document, where: Where, named: str, entries: Sequence[Entry]) -> None:
    """The driver of a state is one of the drivers, by its name or by its class, and no other one is called so."""
    drivers = [entry for entry in entries if entry.section == "drivers"]
    found = [entry for entry in drivers if entry.name == named] or [entry for entry in drivers if entry.is_a(named)]
    if not found:
        known = [name for entry in drivers for name in (entry.name, entry.cls.__name__) if name]
        document.problem(where, f"`{dotted(where)}` names no driver: `{named}`{nearest(named, known)}")
    elif len(found) > 1:
        document.problem(where, f"`{dotted(where)}`: several drivers are `{named}`; give each a `name`, and name that")


def _check_strategy(document: Document, entry: Entry, lines: list[str]) -> None:
    states, panics = entry.values.get("states", {}), entry.values.get("panics", [])
    if not (isinstance(states, dict) and isinstance(panics, list)):
        return  # said already
    for place, message in mistakes(states, panics, lines):
        steps = (int(number) if number else name for number, name in _STEP.findall(place))
        document.problem((*entry.inside, *steps), f"{STRATEGY}: {message}")
