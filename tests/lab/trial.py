"""A pool run on many simulated boards while runners and an exporter die, measured: `python -m tests.lab.trial`.

The ideal time is what the boards would take if they did nothing but cases, as long as a case takes on one idle board.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.laboratory import Laboratory

if TYPE_CHECKING:
    import subprocess

CALIBRATION_CASES = 3
GRACE = 900.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=64)
    parser.add_argument("--exporters", type=int, default=8)
    parser.add_argument("--cases", type=int, default=20, help="per board")
    parser.add_argument("--seconds", type=float, default=5.0, help="that a board takes for a case")
    parser.add_argument("--deaths", type=int, default=0, help="runners that are killed; an exporter is one more")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="hil-lab-") as directory,
        Laboratory.up(Path(directory), boards=options.boards, exporters=options.exporters, recheck=30) as laboratory,
    ):
        report = _trial(laboratory, options)
    print(json.dumps(report, indent=2))
    return 0 if report["correct"] else 1


def _trial(laboratory: Laboratory, options: argparse.Namespace) -> dict[str, Any]:
    milliseconds = int(options.seconds * 1000)
    alone = laboratory.start_cases("board=light name=light-1", cases=CALIBRATION_CASES, milliseconds=milliseconds)
    assert alone.wait(GRACE) == 0
    case_seconds = sum(case["duration"] for case in laboratory.latest_record()["cases"]) / CALIBRATION_CASES
    laboratory.await_all_free()
    laboratory.end_runners()

    cases = options.boards * options.cases
    begun = time.monotonic()
    run = laboratory.start_cases("board=light", cases=cases, milliseconds=milliseconds)
    killed = _kill_some(laboratory, run, options, cases)
    code = run.wait(GRACE + cases * case_seconds)
    took = time.monotonic() - begun
    begun = time.monotonic()
    laboratory.await_all_free()

    ideal = math.ceil(cases / options.boards) * case_seconds
    record = laboratory.latest_record()
    ran = Counter(entry["case"] for entry in laboratory.journal())
    outcomes = Counter(case["outcome"] for case in record["cases"])
    laboratory.assert_one_user_at_a_time()
    return {
        "boards": options.boards,
        "cases": cases,
        "seconds of a case on one idle board": round(case_seconds, 2),
        "ideal seconds": round(ideal, 1),
        "seconds": round(took, 1),
        "ratio": round(took / ideal, 3),
        "killed": killed,
        "exit code": code,
        "outcomes": outcomes,
        "cases that ran twice": sum(number > 1 for number in ran.values()),
        "all boards free and well again after seconds": round(time.monotonic() - begun, 1),
        "correct": len(record["cases"]) == cases and max(ran.values()) == 1 and outcomes["passed"] <= len(ran),
    }


def _kill_some(
    laboratory: Laboratory, run: subprocess.Popen[bytes], options: argparse.Namespace, cases: int
) -> list[str]:
    """Kill runners and one exporter, spread over the run."""
    chance = random.Random(options.seed)
    killed: list[str] = []
    victims = ["exporter", *["runner"] * (options.deaths - 1)] if options.deaths else []
    chance.shuffle(victims)
    for number, victim in enumerate(victims, 1):
        due = cases * number // (len(victims) + 2)
        laboratory.until(lambda: len(laboratory.journal()) >= due, f"{due} cases have run", GRACE)  # noqa: B023
        if victim == "exporter":
            name = f"light-{chance.randint(1, options.exporters)}"
            laboratory.kill(name)
            killed.append(f"exporter {name}")
        elif workers := laboratory.workers(run):
            os.kill(chance.choice(workers).pid, signal.SIGKILL)
            killed.append("runner")
    return killed


if __name__ == "__main__":
    sys.exit(main())
