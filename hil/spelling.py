"""The valid name that somebody may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMED = 40
"""No more names are listed: nobody reads hundreds, and the message would be lost among them."""
MISSPELT = 0.8
"""So alike are a name and its misspelling; less alike is somebody's own name."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a clause that names the nearest known word, or all of them if they are few."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    if near:
        return f"; did you mean `{near[0]}`?"
    if len(choices) > NAMED:
        return f"; none of the {len(choices)} known names is like it"
    return f"; known are {', '.join(choices)}" if choices else ""


def misspelt(word: str, known: Iterable[str]) -> str:
    """Return the known word that this one is likely to be, with a mistake; empty for one that is known, or new."""
    choices = sorted(known)
    if word in choices:
        return ""
    near = difflib.get_close_matches(word, choices, n=1, cutoff=MISSPELT)
    return near[0] if near else ""
