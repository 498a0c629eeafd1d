"""A pool run in a lab in which things die: every case runs, none twice, no lease stays."""

from __future__ import annotations

import json
import subprocess

from hil.paths import HIL
from tests.lab.laboratory import ROOT, TIMEOUT_SECONDS

BOARDS = 8
CASES = 6


def test_no_case_is_lost_or_runs_twice_and_no_lease_stays_while_a_runner_and_an_exporter_die() -> None:
    sizes = ["--boards", str(BOARDS), "--exporters", "4", "--cases", str(CASES), "--seconds", "0.4", "--deaths", "2"]
    done = subprocess.run(
        [*HIL, "lab", "trial", *sizes, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=6 * TIMEOUT_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["correct"]
    assert len(result["killed"]) == 2
    assert result["exit_code"] == 3
    assert result["passed"] + result["cut"] == result["cases"] == BOARDS * CASES
    assert result["passed"] > result["cut"]  # what the runner, and the boards of the exporter, were in
    lost = ("lost_cases", "doubled_cases", "lost_leases", "shared_boards")
    assert {name: result[name] for name in lost} == dict.fromkeys(lost, 0)
