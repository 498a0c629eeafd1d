"""The account of a test: what was done on the board, in words, each action with its time; what it printed and kept."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta, Struct

from hil.account import TpmCommand

if TYPE_CHECKING:
    from hil.account import Action

FIRST, LAST = 20, 100
"""How many actions of an attempt that failed are kept: the first and the last ones."""
FIRST_OF_PASSED, LAST_OF_PASSED = 4, 6
"""The same of an attempt that passed: most do, and a record is to be small."""
GAP = "gap"
"""The kind of the entry that stands for the actions left out."""


class Entry(Struct, frozen=True, omit_defaults=True):
    """One action on the board."""

    OPTIONAL: ClassVar = ("where", "answer", "ok")
    """The fields that a record leaves out when they say nothing."""

    at: Annotated[float, Meta(description="seconds since the attempt began")]
    seconds: Annotated[float, Meta(description="how long it took", ge=0)]
    kind: Annotated[
        str,
        Meta(
            description="`call`: an SMC; `tpm`: a TPM command; `memory`, `program`: of an agent; `monitor`: a request"
            " to the monitor or the VMM; `command`: on a machine; `gap`: actions that were left out"
        ),
    ]
    what: Annotated[str, Meta(description="what was done, by name, with its main parameters")]
    where: Annotated[str, Meta(description="who did it, such as `VM 1 vCPU 0`; left out: the board itself")] = ""
    answer: Annotated[str, Meta(description="status and result in words; left out: there was none")] = ""
    ok: Annotated[bool, Meta(description="false, if it was refused, caused a fault, or had no answer")] = True

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        answer = f" -> {self.answer}" if self.answer else ""
        return f"{where}{self.what}{answer}"

    @property
    def line(self) -> str:
        """The entry as one line of text: when, how long, and whether it went well."""
        if self.kind == GAP:
            return f"{'':>22}  ... {self.what} ..."
        return f"{self.at:9.3f} s {duration(self.seconds):>9} {' ' if self.ok else '!'} {self}"


class Account:
    """Collects the actions of the running attempt, the first and the last ones; they may end in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: list[Action] = []
        self._last: deque[Action] = deque(maxlen=LAST)
        self._count = 0

    def add(self, action: Action) -> None:
        """Add an action that has ended."""
        with self._lock:
            self._count += 1
            if len(self._first) < FIRST:
                self._first.append(action)
            else:
                self._last.append(action)

    def entries(self, began: float, *, passed: bool = False) -> tuple[Entry, ...]:
        """Return what is kept, with times since the monotonic time `began`; of an attempt that `passed` less is."""
        with self._lock:
            first, rest, count = [*self._first], [*self._last], self._count
        if passed and count > FIRST_OF_PASSED + LAST_OF_PASSED:
            first, rest = first[:FIRST_OF_PASSED], [*first[FIRST_OF_PASSED:], *rest][-LAST_OF_PASSED:]
        left_out = count - len(first) - len(rest)
        gap = [Entry(first[-1].began - began, 0.0, GAP, f"{left_out} actions left out")] if left_out else []
        return (*(entry_of(action, began) for action in first), *gap, *(entry_of(action, began) for action in rest))

    def tpm_commands(self) -> list[tuple[bytes, bytes]]:
        """Return the TPM commands that are kept, with their responses, the newest first."""
        with self._lock:
            kept = [*self._first, *self._last]
        return [(told.command, told.response) for told in reversed(kept) if isinstance(told, TpmCommand)]


def entry_of(action: Action, began: float) -> Entry:
    """Return an action as an entry, with its time since the monotonic time `began`."""
    from hil.target.words import in_words  # the names of TPM commands are not needed where nothing was done

    words = in_words(action)
    return Entry(
        round(action.began - began, 4),
        round(action.seconds, 5),
        words.kind,
        words.what,
        words.where,
        words.answer,
        words.ok,
    )


def duration(seconds: float) -> str:
    """Return a duration with its unit."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1000 * seconds:.1f} ms" if seconds >= 0.001 else f"{1e6 * seconds:.0f} µs"
