"""`python -m tools.words`: check spelling, words and wrapping; `--fix` wraps the pages and sorts the dictionary."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import HilError
from tools.words import spelling, usage, wrapping
from tools.words.prose import lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

STYLE = Path("docs/style.md")
DICTIONARY = Path("tools/words/dictionary.txt")
REMAINING = Path("tools/words/remaining.txt")
KINDS = ("*.md", "*.py", "*.c", "*.h", "*.S")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files that git knows, below the working directory. Returns 1 if there is anything to change."""
    parser = argparse.ArgumentParser(prog="python -m tools.words", description=__doc__)
    parser.add_argument("--fix", action="store_true", help="wrap Markdown and sort the dictionary first")
    options = parser.parse_args(arguments)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *KINDS],
        capture_output=True,
        text=True,
        check=True,
    )
    files = [path for name in listed.stdout.splitlines() if (path := Path(name)).is_file()]
    pages = [path for path in files if path.suffix == ".md"]
    if options.fix:
        for page in pages:
            _wrap(page)
        spelling.sort_dictionary(DICTIONARY)
    try:
        found = [*check_wrapping(pages), *check_words(files)]
    except HilError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("\n".join(found) or f"{len(files)} files: spelling, words and wrapping are as {STYLE} wants them")
    return 1 if found else 0


def check_wrapping(pages: Sequence[Path]) -> list[str]:
    """Return a finding for each paragraph that is not wrapped as the others."""
    return [
        f"{page}:{line}: paragraph is not filled to {wrapping.WIDTH} columns: python -m tools.words --fix"
        for page in pages
        for line in wrapping.badly_wrapped(page.read_text(encoding="utf-8"))
    ]


def check_words(files: Sequence[Path]) -> list[str]:
    """Return a finding for each misspelt word and for each use of a word beyond those that remain from before."""
    lines = [line for path in files for line in lines_of(path)]
    found = spelling.misspelt(lines, DICTIONARY)
    words, names, modules = (usage.rules_of(STYLE, heading) for heading in (usage.WORDS, usage.NAMES, usage.MODULES))
    uses = list(usage.in_prose(lines, words))
    for path in files:
        if path.suffix != ".md":
            uses += usage.in_names(path, [*words, *names])
        if path.suffix == ".py":
            uses += usage.in_module(path, modules)
    remaining = _remaining()
    counts = Counter(word for word, _ in uses)
    found += [finding for word, finding in uses if counts[word] > remaining[word]]
    return found + [
        f"{REMAINING}: {word} is used {counts[word]} times, no longer {number}: lower the number"
        for word, number in sorted(remaining.items())
        if counts[word] < number
    ]


def _remaining() -> Counter[str]:
    """Read how often a word may still be used: `word number`, a line each. No file: never."""
    if not REMAINING.exists():
        return Counter()
    pairs = (line.split() for line in REMAINING.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return Counter({word: int(number) for word, number in pairs})


def _wrap(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if (better := wrapping.wrapped(text)) != text:
        page.write_text(better, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
