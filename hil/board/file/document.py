"""A board file as text: its values, where each of them stands, and what is wrong with it as YAML."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

Where = tuple[str | int, ...]
"""The way to a value: keys, and numbers of list items."""

ENTRIES = ("resources", "drivers")
"""Lists whose items are known by their class, so that their numbers say nothing."""


class Filled(str):
    """Text that labgrid fills in when the file is used (`!template`): its type is not known before."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads labgrid's own tag."""


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same in C, several times faster. It says less about mistakes."""


_AnyLoader = _Loader | _FastLoader
for _loader in (_Loader, _FastLoader):
    _loader.add_constructor("!template", lambda loader, node: Filled(loader.construct_scalar(node)))


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. Line and column count from 1; a file that cannot be read at all has line 0."""

    line: int
    column: int
    message: str

    def at(self, path: Path) -> str:
        """Return it the way compilers do, so that editors can go there."""
        return f"{path}:{self.line}:{self.column}: {self.message}" if self.line else f"{path}: {self.message}"


class Document:
    """What is in the file at `path`. `data` is empty where nothing can be made of it; `problems` says why."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.data: dict[str, Any] = {}
        self._marks: dict[Where, yaml.Mark] = {}
        if (text := self._text()) is not None:
            self._parse(text)

    def problem(self, where: Where, message: str) -> None:
        """Add what is wrong at `where`, or with the nearest thing around it that is there."""
        while where not in self._marks and where:
            where = where[:-1]
        self._add(self._marks.get(where), message)

    def line(self, where: Where) -> int:
        """Return the line in which `where` begins, from 1 on."""
        return int(self._marks[where].line) + 1

    def _add(self, mark: yaml.Mark | None, message: str) -> None:
        self.problems.append(Problem(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, message))

    def _text(self) -> str | None:
        try:
            return self.path.read_text(encoding="utf-8")
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            why = "is not text in UTF-8"
        self.problems.append(Problem(0, 0, why))
        return None

    def _parse(self, text: str) -> None:
        try:
            loader, root = _composed(text)
        except yaml.MarkedYAMLError as error:
            self._add(error.problem_mark or error.context_mark, f"is not YAML: {_said(error)}")
            return
        except yaml.YAMLError as error:
            self._add(None, f"is not YAML: {error}".replace("\n", ";"))
            return
        if root is None:
            self._add(None, "the file is empty; `hil new board` writes one to start from")
        elif not isinstance(root, yaml.MappingNode):
            self._add(root.start_mark, "this is not a mapping of targets, images and so on")
        else:
            self.data = self._value(loader, root, (), frozenset())

    def _value(self, loader: _AnyLoader, node: yaml.Node, where: Where, around: frozenset[int]) -> Any:
        self._marks.setdefault(where, node.start_mark)
        if id(node) in around:
            self._add(node.start_mark, f"`{dotted(where)}` contains itself")
            return None
        around |= {id(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(loader, item, (*where, number), around) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, where, around)
        try:
            return loader.construct_object(node)
        except yaml.MarkedYAMLError as error:
            self._add(error.problem_mark, _said(error))
        except ValueError as error:
            self._add(node.start_mark, f"`{dotted(where)}`: {error}")
        return None

    def _mapping(self, loader: _AnyLoader, node: yaml.Node, where: Where, around: frozenset[int]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._add(key_node.start_mark, "a key must be a plain word")
                continue
            key = key_node.value if key_node.tag.endswith(":merge") else loader.construct_object(key_node)
            inside = (*where, key)
            if key in found:
                self._add(key_node.start_mark, f"`{dotted(inside)}` is there twice, first in line {self.line(inside)}")
                continue
            self._marks[inside] = key_node.start_mark
            found[key] = self._value(loader, value, inside, around)
        return found


def dotted(where: Where) -> str:
    """Return the way to a value as it is written in messages, such as `targets.main.drivers.BoardStrategy.states`."""
    text = ""
    for before, part in zip(("", *where), where, strict=False):
        if not isinstance(part, int):
            text += f".{part}" if text else str(part)
        elif before not in ENTRIES:
            text += f"[{part}]"
    return text


def _composed(text: str) -> tuple[_AnyLoader, yaml.Node | None]:
    """Return the root node of a text, with its loader. Raises `YAMLError` in the words of the slower loader."""
    with contextlib.suppress(yaml.YAMLError):
        fast = _FastLoader(text)
        return fast, fast.get_single_node()
    slow = _Loader(text)
    return slow, slow.get_single_node()


def _said(error: yaml.MarkedYAMLError) -> str:
    if "'\\t'" in (error.problem or ""):
        return "there is a tab; YAML is indented with spaces"
    return ", ".join(part for part in (error.context, error.problem) if part)
