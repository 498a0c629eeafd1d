"""A pool run in a lab in which things die: every case runs, none twice, no lease stays."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.laboratory import Laboratory

CASES = 40
SEED = 20408


def test_no_case_runs_twice_and_no_lease_stays_while_runners_and_an_exporter_die(laboratory: Laboratory) -> None:
    chance = random.Random(SEED)
    run = laboratory.start_cases("board=light", cases=CASES, milliseconds=500)
    laboratory.until(lambda: len(laboratory.journal()) > 4, "cases have run")
    for part in chance.sample(["runner", "exporter", "runner"], 3):
        if part == "exporter":
            laboratory.kill("light-1")
        else:
            os.kill(chance.choice(laboratory.workers(run)).pid, signal.SIGKILL)
        done = len(laboratory.journal())
        laboratory.until(lambda: len(laboratory.journal()) > done + 4, "the others go on")  # noqa: B023
    assert run.wait(300) == 3
    record = laboratory.latest_record()
    assert len(record["cases"]) == CASES
    ran = Counter(entry["case"] for entry in laboratory.journal())
    assert max(ran.values()) == 1
    passed = {case["id"] for case in record["cases"] if case["outcome"] == "passed"}
    assert len(passed) >= CASES - 4  # the runners, and two boards of the exporter, were in a case each
    assert {
        f"{number}" for number in range(CASES) if f"tests/simulators/light_cases.py::test_case[{number}]" in passed
    } <= set(ran)
    laboratory.assert_one_user_at_a_time()
    laboratory.await_all_free()
