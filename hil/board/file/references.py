"""Names in a board file that must be those of something else in it: bindings, images, serial lines, other boards."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from hil.board.file.document import dotted
from hil.board.file.keys import BOARD_OPTIONS, BY_KEY, IMAGES
from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hil.board.file.document import Document, Where
    from hil.board.file.entries import Entry

ON_SERIAL_PORTS = "SerialBoardDriver"
"""The driver of boards whose serial lines are ports among the resources."""
REMOTE = "RemotePlace"
"""The resources of a place are known to the lab alone."""


def check_images(document: Document, entries: Iterable[Entry]) -> None:
    """Every image that a driver names is one of `images`."""
    images = document.data.get("images") or {}
    for entry in entries:
        for attribute in (name for base in entry.cls.__mro__ for name in IMAGES.get(base.__name__, ())):
            for where, name in _names((*entry.inside, attribute), entry.values.get(attribute)):
                if isinstance(name, str) and name not in images:
                    document.problem(where, f"`{dotted(where)}` names no image: `{name}`{nearest(name, images)}")


def _names(where: Where, value: Any) -> Iterator[tuple[Where, Any]]:
    if isinstance(value, dict):
        yield from (((*where, key), key if where[-1] in BY_KEY else inner) for key, inner in value.items())
    elif isinstance(value, list):
        yield from (((*where, number), inner) for number, inner in enumerate(value))
    elif value is not None:
        yield where, value


def check_bindings(document: Document, entries: Sequence[Entry], classes: Mapping[str, type[Any]]) -> None:
    """Every driver finds what it uses above itself, by its class, and by its name where one is given."""
    remote = any(entry.cls.__name__ == REMOTE for entry in entries)
    for number, driver in enumerate(entries):
        if driver.section != "drivers":
            continue
        given = driver.values.get("bindings") or {}
        wanted = getattr(driver.cls, "bindings", {})
        if not isinstance(given, dict):
            continue  # said already
        for name in given:
            if name not in wanted:
                at = (*driver.inside, "bindings", name)
                document.problem(at, f"unknown key `{dotted(at)}`{nearest(str(name), wanted)}")
        for name, requirement in wanted.items():
            kinds, optional = _required(requirement, classes)
            at = (*driver.inside, "bindings", name) if name in given else driver.where
            fitting = [entry for entry in entries if issubclass(entry.cls, kinds) and entry is not driver]
            named = [entry for entry in fitting if name not in given or entry.name == given[name]]
            lent = remote and any("Resource" in {base.__name__ for base in kind.__mro__} for kind in kinds)
            above = [entry for entry in named if entries.index(entry) < number]
            if above or lent or (optional and name not in given):
                continue
            what = f"`{dotted((*driver.inside, 'bindings', name))}`"
            if named:
                document.problem(
                    at, f"{what}: `{named[0].cls.__name__}` comes further below; move it above this driver"
                )
            elif name in given:
                choices = [entry.name for entry in fitting if entry.name]
                document.problem(at, f"{what} names nothing that fits: `{given[name]}`{nearest(given[name], choices)}")
            else:
                document.problem(at, f"{what}: there is no {' or '.join(sorted(kind.__name__ for kind in kinds))}")


def _required(requirement: Any, classes: Mapping[str, type[Any]]) -> tuple[tuple[type[Any], ...], bool]:
    """The classes of which one will do, and whether none will do, too."""
    bare = getattr(requirement, "value", requirement)  # labgrid's NamedBinding
    several = bare if isinstance(bare, set) else {bare}
    kinds = (classes.get(kind) if isinstance(kind, str) else kind for kind in several)
    return tuple(kind for kind in kinds if kind is not None), None in several


def check_lines(document: Document, entries: Sequence[Entry]) -> list[str]:
    """Every `UartDriver` is a line of the board; returns these lines."""
    boards = [entry for entry in entries if isinstance(entry.values.get("uarts"), list)]
    lines = [str(line) for entry in boards for line in entry.values["uarts"]]
    for entry in entries if boards else ():
        if entry.cls.__name__ == "UartDriver":
            line = str(entry.values.get("uart") or entry.name)
            if line not in lines:
                key = "uart" if "uart" in entry.values else "name"
                at = (*entry.inside, key)
                document.problem(at, f"`{dotted(at)}` names no serial line: `{line}`{nearest(line, lines)}")
    return lines


def check_ports(document: Document, entries: Sequence[Entry]) -> None:
    """Every serial line of a real board has its port among the resources; what a place has the lab alone knows."""
    if any(entry.cls.__name__ == REMOTE for entry in entries):
        return
    ports = [entry.name for entry in entries if entry.section == "resources" and _is_serial(entry)]
    for board in entries:
        lines = board.values.get("uarts")
        if not (board.is_a(ON_SERIAL_PORTS) and isinstance(lines, list)):
            continue
        for number, line in enumerate(lines):
            if str(line) not in ports:
                at = (*board.inside, "uarts", number)
                document.problem(
                    at, f"`{dotted(at)}` has no serial port among the resources: `{line}`{nearest(str(line), ports)}"
                )


def _is_serial(entry: Entry) -> bool:
    """Whether a resource is a serial port: those have a speed."""
    return "speed" in inspect.signature(entry.cls).parameters


def check_boards(document: Document) -> None:
    """Every other board that the options name has a file beside this one."""
    options = document.data.get("options")
    beside = [path.stem for path in document.path.parent.glob("*.yaml")]
    for option in BOARD_OPTIONS:
        name = options.get(option) if isinstance(options, dict) else None
        if isinstance(name, str) and name not in beside:
            at = ("options", option)
            document.problem(at, f"`{dotted(at)}` names no board: `{name}`{nearest(name, beside)}")
