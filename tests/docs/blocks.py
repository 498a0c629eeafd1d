"""The code blocks of our documents, and what the comment in front of one says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TUTORIALS = (ROOT / "docs" / "tutorial.md", ROOT / "docs" / "tutorial-uboot.md")
"""Pages of which every command is run: `test_tutorials.py`."""

SHELL = "sh"
REASONS = {"hardware", "long", "interactive"}
"""Why a block of commands is not run: what it needs, or that it takes minutes."""

_FENCE = re.compile(r"^```(\w*)$")
_INDENTED = re.compile(r"^ {4}(?=\S)")
_MARK = re.compile(r"^<!-- (?P<kind>not run|file): (?P<value>\S+) -->$")
_COMMAND = re.compile(
    r"^(\$ )?(\.venv/bin/)?(make|hil|pytest|labgrid-client|export|git|insmod|vmm|python|sudo|apt-get)\s"
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block. `language` is None for an indented one; `not_run` is a reason, `file` a path to save it at."""

    page: Path
    line: int
    language: str | None
    text: str
    not_run: str = ""
    file: str = ""

    @property
    def place(self) -> str:
        """Where it is, as editors understand it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def has_commands(self) -> bool:
        """Whether it is meant for a shell, whatever it says of itself."""
        return self.language == SHELL or (not self.language and bool(_COMMAND.match(self.text)))


def blocks_of(page: Path) -> list[Block]:
    """Return all code blocks of a page, in its order."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence:
            end = lines.index("```", at + 1)
            found.append(_block(page, lines, at, lines[at + 1 : end], fence[1]))
            at = end
        elif _INDENTED.match(lines[at]) and not lines[at - 1].strip():
            end = at
            while end < len(lines) and _INDENTED.match(lines[end]):
                end += 1
            found.append(_block(page, lines, at, [line[4:] for line in lines[at:end]], None))
            at = end
        at += 1
    return found


def _block(page: Path, lines: list[str], start: int, text: list[str], language: str | None) -> Block:
    mark = _MARK.match(lines[start - 1]) if start else None
    says = {mark["kind"].replace(" ", "_"): mark["value"]} if mark else {}
    return Block(page, start + 1, language, "\n".join(text) + "\n", **says)
