"""Resources and drivers of a board file: their classes, attributes and bindings."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.board.file.attributes import refused
from hil.board.file.classes import OURS
from hil.board.file.document import dotted
from hil.board.file.keys import ENTRY
from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hil.board.file.classes import Classes
    from hil.board.file.document import Document, Where


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource or driver, at `where`; its attributes are `inside`."""

    section: str
    cls: type[Any]
    values: Mapping[str, Any]
    where: Where
    inside: Where

    def is_a(self, name: str) -> bool:
        """Whether it is of a class of this name, or of one derived from it."""
        return any(base.__name__ == name for base in self.cls.__mro__)

    @property
    def name(self) -> str:
        """What tells it from others of its class; empty when nothing does."""
        return str(self.values.get("name") or "")


def entries(document: Document, target: Where, data: Mapping[str, Any], known: Mapping[str, Classes]) -> list[Entry]:
    """Return a target's resources and drivers, in their order, without the unknown; adds what is wrong with them."""
    found = []
    for section in ("resources", "drivers"):
        for where, inside, name, values in _named(document, (*target, section), data.get(section) or {}):
            if cls := known[section].get(name):
                entry = Entry(section, cls, values, where, inside)
                _check_attributes(document, entry)
                found.append(entry)
            else:
                document.problem(where, f"{dotted((*target, section))}: {_unknown(document, section, name, known)}")
    return found


def _named(document: Document, where: Where, data: Any) -> Iterator[tuple[Where, Where, str, Mapping[str, Any]]]:
    """Yield place, place of attributes, class and values of each entry, in either of labgrid's forms."""
    if isinstance(data, dict):
        items: list[tuple[Where, Any]] = [(where, {name: values}) for name, values in data.items()]
    elif isinstance(data, list):
        items = [((*where, number), item) for number, item in enumerate(data)]
    else:
        return
    for place, item in items:
        if isinstance(item, dict) and isinstance(item.get("cls"), str):
            yield (*place, "cls"), place, item["cls"], item
            continue
        if not (isinstance(item, dict) and len(item) == 1):
            example = "`- UartDriver: { name: monitor }`"
            document.problem(place, f"`{dotted(place)}`: an entry is a class and its attributes, such as {example}")
            continue
        ((name, values),) = item.items()
        inside = (*place, name)
        if isinstance(values, dict):
            yield inside, inside, str(name), values
        else:
            document.problem(inside, f"`{dotted(inside)}` has no attributes; without any it is `{name}: {{}}`")


def _unknown(document: Document, section: str, name: str, known: Mapping[str, Classes]) -> str:
    other = "drivers" if section == "resources" else "resources"
    if name in known[other]:
        return f"`{name}` is one of the {other}, not of the {section}"
    missing = [module for module in OURS if module not in (document.data.get("imports") or ())]
    hint = f"; `imports` lacks {' and '.join(missing)}" if missing else ""
    return f"there is no `{name}`{nearest(name, known[section])}{hint}"


def _check_attributes(document: Document, entry: Entry) -> None:
    parameters = {
        name: parameter for name, parameter in inspect.signature(entry.cls).parameters.items() if name != "target"
    }
    for key, value in entry.values.items():
        at = (*entry.inside, key)
        if key not in parameters and key not in ENTRY:
            document.problem(at, f"unknown key `{dotted(at)}`{nearest(str(key), {*parameters, *ENTRY})}")
        elif why := refused(entry.cls, str(key), value):
            document.problem(at, f"`{dotted(at)}` is {value!r}; it must be {why}")
    for key, parameter in parameters.items():
        if parameter.default is parameter.empty and key not in entry.values and key != "name":
            document.problem(entry.where, f"`{dotted((*entry.inside, key))}` is missing")
