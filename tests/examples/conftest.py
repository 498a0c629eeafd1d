"""The repositories in examples/ are used as their readers would use them: copied, built, run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.record import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.record import Case

CHECKOUT = Path(__file__).parents[2]
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Example:
    """A copy of an example, outside of the checkout."""

    path: Path

    def build(self) -> None:
        """Run its build.py."""
        self._call("build.py")

    def run(self, *arguments: str) -> list[Case]:
        """Run `hil run` in it; return the cases of the record, all of which must have passed or been skipped."""
        said = self._call("-m", "hil", "run", *arguments)
        cases = load(self.path / "reports" / "latest").cases
        assert {case.outcome.value for case in cases} <= {"passed", "skipped"}, said
        return list(cases)

    def check(self) -> str:
        """Run `hil boards --check`; return what it says."""
        return self._call("-m", "hil", "boards", "--check", status=None)

    def _call(self, *words: str, status: int | None = 0) -> str:
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert status is None or done.returncode == status, done.stdout
        return done.stdout


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Example]:
    """Return a function that copies an example."""

    def copied(name: str) -> Example:
        path = tmp_path / name
        ignored = shutil.ignore_patterns("build", "reports", "__pycache__")
        shutil.copytree(CHECKOUT / "examples" / name, path, ignore=ignored)
        return Example(path)

    return copied
