"""Writes the coverage of a run: `coverage.json` for our own report and for programs, `coverage.info` for lcov."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hil.coverage import JSON_FILE, Summary
from hil.coverage.image import InstrumentedImage
from hil.coverage.lines import Lines, SourceFile, add_lines
from hil.coverage.meter import Gained
from hil.files import write_atomically
from hil.record import attach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SCHEMA = 1
"""Version of `coverage.json`."""
LCOV_FILE = "coverage.info"


def merge(counted: Sequence[Path], run: Path) -> None:
    """Write both files to the directory `run`, from the files of the meters, which are deleted."""
    by_build: dict[str, Gained] = {}
    for source in counted:
        build, gained = Gained.read(source)
        if build in by_build:
            gained.add(by_build[build])
        by_build[build] = gained
    lines: Lines = {}
    for build, gained in by_build.items():
        add_lines(lines, InstrumentedImage.read(Path(build)).notes, gained.counts)
    machines = sum(gained.machines for gained in by_build.values())
    _write(run, lines, machines, sum(gained.ends_lost for gained in by_build.values()))
    for name in (JSON_FILE, LCOV_FILE):
        attach(run, name)
    for source in counted:
        source.unlink()


def add_up(runs: Iterable[Path], target: Path) -> tuple[str, ...]:
    """Write the sums of several runs to the directory `target`; return the names of the files, if there is coverage."""
    parts = [json.loads((run / JSON_FILE).read_text(encoding="utf-8")) for run in runs if (run / JSON_FILE).is_file()]
    if not parts:
        return ()
    lines: Lines = {}
    for part in parts:
        for file in part["files"]:
            lines.setdefault(file["path"], SourceFile()).add(
                ((int(number), count) for number, count in file["counts"].items()),
                ((function["name"], function["line"], function["calls"]) for function in file["functions"]),
            )
    _write(target, lines, sum(part["machines"] for part in parts), sum(part["ends_lost"] for part in parts))
    return JSON_FILE, LCOV_FILE


def _write(directory: Path, lines: Lines, machines: int, ends_lost: int) -> None:
    all_lines = sum(len(file.lines) for file in lines.values())
    summary = Summary(all_lines, sum(file.covered for file in lines.values()), machines, ends_lost)
    write_atomically(directory / JSON_FILE, (json.dumps(_plain(summary, lines), indent=1) + "\n").encode())
    write_atomically(directory / LCOV_FILE, "".join(_lcov(lines)).encode())


def _plain(summary: Summary, lines: Lines) -> dict[str, object]:
    files = [
        {
            "path": path,
            "lines": len(file.lines),
            "covered": file.covered,
            "counts": {str(number): count for number, count in sorted(file.lines.items())},
            "functions": [{"name": name, "line": line, "calls": calls} for name, line, calls in file.in_order()],
        }
        for path, file in sorted(lines.items())
    ]
    return {"schema": SCHEMA, **asdict(summary), "files": files}


def _lcov(lines: Lines) -> Iterator[str]:
    """Yield the trace file of lcov, which many CI servers read: geninfo(1), TRACEFILE FORMAT."""
    for path, file in sorted(lines.items()):
        functions = file.in_order()
        yield f"TN:\nSF:{path}\n"
        yield from (f"FN:{line},{name}\n" for name, line, _ in functions)
        yield from (f"FNDA:{calls},{name}\n" for name, _, calls in functions)
        yield f"FNF:{len(functions)}\nFNH:{sum(calls > 0 for *_, calls in functions)}\n"
        yield from (f"DA:{number},{count}\n" for number, count in sorted(file.lines.items()))
        yield f"LF:{len(file.lines)}\nLH:{file.covered}\nend_of_record\n"
