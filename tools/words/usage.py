"""Finds words that `docs/style.md` says not to use, in prose and in names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.words.prose import parse_markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tools.words.prose import Line

WORDS, NAMES, MODULES = "Words", "Names", "Modules"
"""The sections of the page whose tables list words: for prose and names, for names only, for Python modules only."""
_CODE = re.compile(r"`([^`]+)`")
_PROSE_WORD = re.compile(r"[A-Za-z]+")
_NAME = re.compile(r"(?<![\w$])[A-Za-z_]\w*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LITERAL = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"\"\".*?\"\"\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|(?<!\S)#(?!define|if)[^\n]*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: what to write, in place of which words, and the names that keep such a word."""

    write: str
    words: frozenset[str]
    kept: frozenset[str]


def rules_of(page: Path, heading: str) -> list[Rule]:
    """Read the rules from the table under a heading: write, not, kept in. Code in a cell is what is checked.

    Raises `ValueError` if there is no such table, so that a check of nothing is noticed.
    """
    rules, within, opened, cells = [], False, False, list[str]()
    for token in parse_markdown(page.read_text(encoding="utf-8")):
        if token.type in {"heading_open", "heading_close"}:
            opened = token.type == "heading_open"
        elif token.type == "inline" and opened:
            within = token.content == heading
        elif token.type == "tr_open":
            cells = []
        elif token.type == "inline" and within:
            cells.append(token.content)
        elif token.type == "tr_close" and within and len(cells) > 1 and (found := _CODE.findall(cells[1])):
            rules.append(Rule(cells[0], frozenset(found), frozenset(_CODE.findall("".join(cells[2:])))))
    if not rules:
        raise ValueError(f"{page} has no table of words under the heading {heading!r}")
    return rules


def in_prose(lines: Iterable[Line], rules: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    """Yield each use of a word in prose: the word, and the finding."""
    by_word = {word: rule for rule in rules for word in rule.words}
    for line in lines:
        for word in _PROSE_WORD.findall(line.text):
            if rule := by_word.get(word.lower()):
                yield word.lower(), f"{line.path}:{line.number}: write {rule.write}, not {word}"


def in_names(path: Path, rules: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    """Yield the first use of each name in the code of a file that has a word in it, and such words in its own name."""
    by_word = {word: rule for rule in rules for word in rule.words}
    yield from in_module(path, rules)
    code = _LITERAL.sub(lambda literal: "\n" * literal[0].count("\n"), path.read_text(encoding="utf-8"))
    seen = set[str]()
    for number, line in enumerate(code.split("\n"), 1):
        for name in _NAME.findall(line):
            if name in seen:
                continue
            seen.add(name)
            for word, rule in _parts(name, by_word):
                yield word, f"{path}:{number}: name `{name}`: write {rule.write}, not {word}"


def in_module(path: Path, rules: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    """Yield each word in the name of a file."""
    by_word = {word: rule for rule in rules for word in rule.words}
    for word, rule in _parts(path.stem, by_word):
        yield word, f"{path}: name the file after {rule.write}, not {word}"


def _parts(name: str, by_word: dict[str, Rule]) -> Iterator[tuple[str, Rule]]:
    for part in _PART.findall(name):
        rule = by_word.get(part.lower())
        if rule and name not in rule.kept:
            yield part.lower(), rule
