"""Finds patterns in what a serial line says, wherever on a line they stand, and also if another writer tore the line.

A console has more than one writer: the boot ROM, the firmware of both worlds, the kernel. None waits until another one
has finished its line, and the line itself adds bytes that nobody wrote. So a banner may begin behind an unfinished
line, and a message of the kernel may stand in the middle of it.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.consoletext import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.record.transcript import TranscriptLine

WINDOW_BYTES = 4096
"""How much of a line is searched, from its end, so that noise without line ends costs little."""
TELLING = 4
"""Letters and digits that a pattern with `^` must match to be believed in the middle of a line."""
_TORN_LINES = 8
"""How many foreign lines may stand between the two parts of a torn one."""

_FOREIGN = r"(?:<\d>)?\[ *\d+\.\d{6}\]|(?:NOTICE|WARNING|ERROR|INFO|VERBOSE): |[DIEF]/TC:"
FOREIGN = re.compile(_FOREIGN)
"""How the messages of Linux, TF-A and OP-TEE begin, which may stand in the middle of anybody's line."""
_END = rf"(?:$|(?=\s*(?:{_FOREIGN})))"
_LINE_END = re.compile(rb"[\r\n]")
_SPECIAL = frozenset(".^$*+?{}[]()|")
_QUANTIFIERS = frozenset("*+?{")


class LinePattern:
    """A regular expression of a board file, matched as serial lines need it."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.strict = pattern
        source = _without_anchors(pattern.pattern)
        self._begins_line = any(token == "^" and not in_class for token, in_class in _tokens(pattern.pattern))
        self._relaxed = pattern if source == pattern.pattern else re.compile(source, pattern.flags)

    def search(self, text: str) -> re.Match[str] | None:
        """Find the pattern; `^` also matches behind what stands before on the line, `$` before a foreign message.

        In the middle of a line, a pattern with `^` must match at least `TELLING` letters and digits: `^# ` would match
        almost everywhere.
        """
        found = self.strict.search(text)
        if found is None and self._relaxed is not self.strict:
            found = self._relaxed.search(text)
            if found is not None and self._begins_line and sum(map(str.isalnum, found.group())) < TELLING:
                return None
        return found


@dataclass(frozen=True, slots=True)
class Sighting:
    """A pattern that was found: its index, and the line it stands on. `torn` if that was put together."""

    index: int
    text: str
    torn: bool = False


class LineScanner:
    """Finds patterns in the lines of one console as they grow; each is found once on a line."""

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        self._patterns = [LinePattern(pattern) for pattern in patterns]
        self.pause = 0.0
        """The longest silence in seconds since `forget_pauses`."""
        self._heard_at = time.monotonic()
        self._number = -1
        self._taken = 0
        self.reset()

    def reset(self) -> None:
        """Begin a new line: the board starts anew."""
        self._segment = b""
        self._found: set[int] = set()
        self._head = ""
        self._torn_lines = 0

    @property
    def rest(self) -> str:
        """What has come of a line that has not ended yet, or whose end another writer put off."""
        return self._head + clean(self._segment)

    def forget_pauses(self) -> None:
        """Measure silences from now on."""
        self.pause = 0.0

    def scan(self, line: TranscriptLine, *, complete: bool) -> list[Sighting]:
        """Take a line of a transcript as it has grown, and return what has been found in it since the last call.

        A carriage return ends a line here. What the host sends in between, and what ends a line of the transcript
        without being a line end, does not.
        """
        now = time.monotonic()
        self.pause = max(self.pause, now - self._heard_at)
        self._heard_at = now
        if line.number != self._number:
            self._number, self._taken = line.number, 0
        data = line.raw[self._taken :]
        self._taken = len(line.raw)
        return list(self._scan(data + b"\n" if complete else data))

    def _scan(self, data: bytes) -> Iterator[Sighting]:
        *ended, rest = _LINE_END.split(data)
        for piece in ended:
            yield from self._grow(piece)
            self._end()
        if rest:
            yield from self._grow(rest)

    def _grow(self, piece: bytes) -> Iterator[Sighting]:
        self._segment = (self._segment + piece)[-WINDOW_BYTES:]
        text = clean(self._segment)
        joint = len(self._head)
        whole = self._head + text if joint and not FOREIGN.match(text) else ""
        found: list[tuple[int, Sighting]] = []
        for index, pattern in enumerate(self._patterns):
            if index in self._found:
                continue
            if match := pattern.search(text):
                found.append((match.start(), Sighting(index, text)))
            elif whole and (match := pattern.search(whole)) and match.start() < joint < match.end():
                found.append((-1, Sighting(index, whole, torn=True)))
        self._found.update(sighting.index for _, sighting in found)
        yield from (sighting for _, sighting in sorted(found, key=lambda entry: entry[0]))

    def _end(self) -> None:
        """End a line, and keep the part of it that stands before a foreign message: the rest of it may follow."""
        text = clean(self._segment)
        self._segment = b""
        self._found = set()
        if not text.strip():
            return
        if self._head and FOREIGN.match(text):
            self._torn_lines += 1
            if self._torn_lines > _TORN_LINES:
                self._head = ""
            return
        before = torn_before(text)
        self._head = self._head + before if before else ""
        self._torn_lines = 0


def torn_before(text: str) -> str:
    """Return the part of a line that stands before a message of another writer, empty if there is none."""
    found = next((found for found in FOREIGN.finditer(text) if text[: found.start()].strip()), None)
    return text[: found.start()] if found else ""


def is_torn(pattern: re.Pattern[str], lines: Sequence[str]) -> bool:
    """Whether a line seems to be cut where `pattern` would have matched: its beginning on one line, its end on another.

    Only the text at the beginning of the pattern counts, and at least two characters of it on either side.
    """
    literal = _literal(pattern.pattern)
    for number, line in enumerate(lines):
        rests = lines[number + 1 : number + 1 + _TORN_LINES]
        for cut in range(len(literal) - 1, 1, -1):
            head, rest = literal[:cut], literal[cut:]
            if head not in line:
                continue
            before = torn_before(line)
            if cut > 2 and before.endswith(head):
                return True
            if len(rest) > 1 and any(other.startswith(rest) for other in rests):
                return True
    return False


def _literal(source: str) -> str:
    """Return the characters that a regular expression begins with, as far as they are fixed."""
    text, at = "", 1 if source.startswith("^") else 0
    if _has_alternatives(source):
        return ""
    while at < len(source):
        if source[at] == "\\" and at + 1 < len(source) and not source[at + 1].isalnum():
            char, after = source[at + 1], at + 2
        elif source[at] in _SPECIAL or source[at] == "\\":
            break
        else:
            char, after = source[at], at + 1
        if source[after : after + 1] in _QUANTIFIERS and source[after : after + 1]:
            break
        text += char
        at = after
    return text


def _has_alternatives(source: str) -> bool:
    return any(token == "|" for token, in_class in _tokens(source) if not in_class)


def _without_anchors(source: str) -> str:
    """Remove `^` from a regular expression, and let `$` match before foreign messages; other anchors stay."""
    pieces = []
    for token, in_class in _tokens(source):
        if token == "^" and not in_class:
            pieces.append("(?:)")
        elif token == "$" and not in_class:
            pieces.append(_END)
        else:
            pieces.append(token)
    return "".join(pieces)


def _tokens(source: str) -> Iterator[tuple[str, bool]]:
    """Yield the characters of a regular expression, with their backslashes, and whether each is in a class."""
    at, opened = 0, -1
    while at < len(source):
        token = source[at : at + 2] if source[at] == "\\" else source[at]
        yield token, opened >= 0
        at += len(token)
        if opened < 0:
            if token == "[":
                opened = at + 1 if source[at : at + 1] == "^" else at
        elif token == "]" and at - 1 > opened:
            opened = -1
