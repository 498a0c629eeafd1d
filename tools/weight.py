"""`python -m tools.weight [RUN]`: what the record of a run weighs, file by file, and by board."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hil.record import load

if TYPE_CHECKING:
    from hil.record import Record

LATEST = Path("reports/latest")
BOARD, MOST_BYTES = "qemu-virt", 4_000_000
"""The board with most tests, and what all of them may leave."""
NAMED = 6
"""How many files are named, the largest ones."""


def main(run: Path = LATEST) -> int:
    """Print what the record in `run` weighs; return 1 if that is too much, 3 if there is no record."""
    if not run.is_dir():
        print(f"no record to weigh: {run}", file=sys.stderr)
        return 3
    files = {path.relative_to(run): path.stat().st_size for path in run.rglob("*") if path.is_file()}
    boards = by_board(load(run), files)
    large = sorted(files, key=lambda file: -files[file])[:NAMED]
    print("record: " + ", ".join(f"{file} {files[file]}" for file in large) + f"; all {sum(files.values())} bytes")
    print("weight: " + ", ".join(f"{board} {size / 1e6:.2f} MB" for board, size in boards.items()))
    if boards.get(BOARD, 0) > MOST_BYTES:
        print(f"the record of {BOARD} is larger than {MOST_BYTES / 1e6:g} MB")
        return 1
    return 0


def by_board(record: Record, files: dict[Path, int]) -> dict[str, int]:
    """Return the bytes of each board: its own files, and its share of the common ones, by the number of its tests."""
    seats: dict[str, str] = {board.name: board.name for board in record.boards}
    seats |= {attempt.seat: case.board for case in record.cases for attempt in case.attempts if attempt.seat}
    tests = Counter(case.board for case in record.cases)
    own: Counter[str] = Counter()
    for file, size in files.items():
        own[seats.get(file.parts[0], "")] += size
    return {
        board.name: own[board.name] + own[""] * tests[board.name] // max(tests.total(), 1) for board in record.boards
    }


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
