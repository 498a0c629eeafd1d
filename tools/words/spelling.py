"""Finds words that neither the dictionary of British English nor that of the project has."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING

from hil.errors import MissingTool

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tools.words.prose import Line

LANGUAGE = "en_GB-ise"
SECONDS = 30.0
# A name of code has a digit, an underscore, a dot or a slash in it, or a capital after its first letter. It is not
# prose, wherever it stands, and neither is an acronym.
_TOKEN = re.compile(r"[^\s,;:!?()\[\]{}<>\"“”…|=*+\u2013\u2014]+")
_WORD = re.compile(r"[A-Za-z][a-z]+(?:['\u2019-][A-Za-z]?[a-z]*)*\.?")


def words_in(text: str) -> set[str]:
    """Return the words of a line of prose, without genitives."""
    found = set()
    for token in _TOKEN.findall(text):
        bare = token.strip("'\u2019.-")
        if _WORD.fullmatch(bare):
            found |= {part.removesuffix("'s").removesuffix("\u2019s") for part in bare.split("-")}
    return {word for word in found if len(word) > 2}


def read_dictionary(file: Path) -> set[str]:
    """Read the words of the project: one to a line, `#` begins a remark."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line}


def sort_dictionary(file: Path) -> None:
    """Put the words of the project in order, each once, below the remarks."""
    lines = file.read_text(encoding="utf-8").splitlines()
    remarks = [line for line in lines if line.startswith("#")]
    words = sorted({line for line in lines if line and not line.startswith("#")}, key=str.lower)
    file.write_text("\n".join([*remarks, *words, ""]), encoding="utf-8")


def misspelt(lines: Iterable[Line], dictionary: Path) -> list[str]:
    """Return a finding for each word that nobody knows, and for each word of the project that nobody writes."""
    places: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        for word in words_in(line.text):
            places[word].append(line)
    known, unknown = read_dictionary(dictionary), _unknown(places)
    found = [
        f"{place.path}:{place.number}: spelling: {word}"
        for word in sorted(unknown - known)
        if word.lower() not in known  # a word in lower case may also begin a sentence
        for place in places[word][:3]
    ]
    idle = known - unknown - {word.lower() for word in unknown}
    return found + [f"{dictionary}: nobody writes `{word}`, or English has it: remove it" for word in sorted(idle)]


def _unknown(words: Iterable[str]) -> set[str]:
    # One process for all words: aspell takes longer to start than to look up everything the project says.
    aspell = shutil.which("aspell")
    if aspell is None:
        raise MissingTool("aspell is not installed", hint="hil doctor --fix")
    command = [aspell, "--lang=en", f"--master={LANGUAGE}", "--encoding=utf-8", "list"]
    text = "\n".join(sorted(words))
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise MissingTool(f"aspell has no dictionary {LANGUAGE}: {done.stderr.strip()}", hint="hil doctor --fix")
    return set(done.stdout.split())
