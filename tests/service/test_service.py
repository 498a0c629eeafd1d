# SPDX-License-Identifier: BSD-3-Clause
"""The core of the EL3 service on the host: every promise, a race of CPUs, and a short fuzz run of each target."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROMISES = [
    name
    for source in sorted(HERE.glob("promises_*.c"))
    for name in re.findall(r"^PROMISE\((\w+)\)", source.read_text(), re.M)
]
FUZZ_RUNS = 20_000


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the test programs, built with sanitizers."""
    out = tmp_path_factory.mktemp("service")
    made = subprocess.run(["make", "-s", "-j2", "-C", HERE, f"OUT={out}"], capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    return out


def run(*command: str | Path, seconds: float) -> None:
    """Runs a program; whatever it says on stderr explains a failure."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    assert ended.returncode == 0, ended.stderr[-4000:]


@pytest.mark.parametrize("promise", PROMISES)
def test_promise(programs: Path, promise: str) -> None:
    run(programs / "promises", promise, seconds=30)


def test_cpus_that_race_find_the_machine_as_they_left_it(programs: Path) -> None:
    run(programs / "race", seconds=120)


@pytest.mark.parametrize("target", ["fuzz_queue", "fuzz_calls"])
def test_nothing_a_caller_or_guest_says_breaks_a_promise(programs: Path, target: str, tmp_path: Path) -> None:
    run(
        programs / target,
        f"-runs={FUZZ_RUNS}",
        "-seed=1",
        "-max_len=512",
        f"-artifact_prefix={tmp_path}/",
        "-verbosity=0",
        seconds=300,
    )
