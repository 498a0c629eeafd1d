# SPDX-License-Identifier: BSD-3-Clause
"""The core of the EL3 service on the host: every promise, a race of CPUs, and a short fuzz run of each target."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "build" / "tests" / "service"
PROMISES = [
    name
    for source in sorted(HERE.glob("promises_*.c"))
    for name in re.findall(r"^PROMISE\((\w+)\)", source.read_text(), re.M)
]
FUZZ_RUNS = 20_000


@pytest.fixture(scope="session")
def program() -> Callable[[str], Path]:
    """Return a test program by its name, built with sanitizers when it is first needed."""
    OUT.mkdir(parents=True, exist_ok=True)

    @cache
    def build(name: str) -> Path:
        with FileLock(OUT / ".lock"):  # other runs of these tests use the same objects
            command = ["make", "-s", "-j2", "-C", str(HERE), f"OUT={OUT}", str(OUT / name)]
            made = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert made.returncode == 0, made.stderr
        return OUT / name

    return build


@pytest.fixture(scope="session")
def promises(program: Callable[[str], Path]) -> Path:
    """The program that keeps all promises."""
    return program("promises")


@pytest.fixture(scope="session")
def race(program: Callable[[str], Path]) -> Path:
    """The program in which CPUs race."""
    return program("race")


@pytest.fixture
def fuzzer(program: Callable[[str], Path], request: pytest.FixtureRequest) -> Path:
    """The fuzzer that a test names as its parameter."""
    return program(request.param)


def run(*command: str | Path, seconds: float) -> None:
    """Runs a program; whatever it says on stderr explains a failure."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    assert ended.returncode == 0, ended.stderr[-4000:]


@pytest.mark.parametrize("promise", PROMISES)
def test_promise(promises: Path, promise: str) -> None:
    run(promises, promise, seconds=30)


def test_cpus_that_race_find_the_machine_as_they_left_it(race: Path) -> None:
    run(race, seconds=120)


@pytest.mark.parametrize("fuzzer", ["fuzz_queue", "fuzz_calls"], indirect=True)
def test_nothing_a_caller_or_guest_says_breaks_a_promise(fuzzer: Path, tmp_path: Path) -> None:
    run(
        fuzzer,
        f"-runs={FUZZ_RUNS}",
        "-seed=1",
        "-max_len=512",
        f"-artifact_prefix={tmp_path}/",
        "-verbosity=0",
        seconds=300,
    )
