"""`python -m tools.covered`: which lines of our own Python ran, by package, and whether they are enough."""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from pathlib import Path

from coverage import Coverage
from coverage.exceptions import CoverageException, CoverageWarning
from rich.console import Console
from rich.table import Table

FIGURES = Path("build/python-coverage/lines.json")
PAGE = Path("build/python-coverage/html/index.html")
WHOLE = 90.0
"""Percent of all lines that must have run."""
PACKAGE = 80.0
"""Percent of the lines of each package that must have run."""
NAMED = 5
"""How many files are named, those with most lines missing."""


def main() -> int:
    """Read what `coverage run` left, write the page, print the table.

    Returns 1 where too few lines ran, 3 where nothing was measured.
    """
    measured = Coverage(config_file="pyproject.toml")
    warnings.simplefilter("ignore", CoverageWarning)  # a process that was killed left half a file, and lines uncounted
    try:
        measured.combine()
        measured.load()
        measured.html_report()
        measured.json_report(outfile=str(FIGURES))
    except CoverageException as error:
        print(f"no coverage of Python: {error}", file=sys.stderr)
        return 3
    lines: Counter[str] = Counter()
    ran: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for file, entry in json.loads(FIGURES.read_text(encoding="utf-8"))["files"].items():
        if not entry["summary"]["num_statements"]:
            continue
        package = _package(file)
        lines[package] += entry["summary"]["num_statements"]
        ran[package] += entry["summary"]["covered_lines"]
        missing[file] = entry["summary"]["missing_lines"]
    percent = {package: 100 * ran[package] / lines[package] for package in lines}
    table = Table("package", *("lines", "ran", "%"), title="Lines of Python that ran", title_justify="left")
    for package in sorted(lines):
        table.add_row(package, str(lines[package]), str(ran[package]), f"{percent[package]:.1f}")
    Console(width=100, highlight=False).print(table)
    print("most lines missing: " + ", ".join(f"{file} {count}" for file, count in missing.most_common(NAMED)))
    whole = 100 * ran.total() / lines.total()
    print(f"lines of hil that ran: {ran.total()} of {lines.total()}, {whole:.1f} %; each of them: {PAGE}")
    few = [f"all of hil ({whole:.1f} %)"] if whole < WHOLE else []
    few += [f"{package} ({share:.1f} %)" for package, share in sorted(percent.items()) if share < PACKAGE]
    if few:
        print(f"too few lines ran in {', '.join(few)}: {WHOLE:g} % of all and {PACKAGE:g} % of each package must")
    return 1 if few else 0


def _package(file: str) -> str:
    """Return the dotted name of the package that a file is in: `hil.board.ssh` for `hil/board/ssh/shell.py`."""
    return ".".join(Path(file).parts[:-1])


if __name__ == "__main__":
    sys.exit(main())
