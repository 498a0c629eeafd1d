"""A small project that keeps some promises, and lists of mutants that break them; for tests of the runner."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.mutants.environment import make_environment

CHECKOUT = Path(__file__).resolve().parents[2]

CODE = """
def double(number):
    return 2 * number


def wait(until):
    while not until():
        pass


def greeting():
    return "hello"


def farewell():
    return "bye"
"""

TESTS = """
import pytest
from thing import double, farewell, greeting, wait


def test_double():
    assert double(3) == 6


def test_wait_ends():
    wait(lambda: True)


def test_nothing_in_particular():
    assert double(0) == 0


@pytest.fixture
def hello():
    assert greeting() == "hello"
    return "hello"


def test_in_whose_fixture_the_promise_is(hello):
    pass


def test_that_is_red_already():
    assert farewell() == "good bye"


@pytest.mark.skip
def test_skipped():
    pass
"""


@dataclass(frozen=True)
class Toy:
    """The project, as a git repository."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> Toy:
        (path / "tests").mkdir(parents=True)
        (path / "lists").mkdir()
        (path / "thing.py").write_text(CODE)
        (path / "tests" / "test_thing.py").write_text(TESTS)
        plugins = "-p no:hil -p no:labgrid -p no:xdist -p no:hypothesispytest -p no:anyio"
        (path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\naddopts = '{plugins}'\npythonpath = ['.']\n")
        toy = cls(path)
        toy.git("init", "--quiet", "--initial-branch=main")
        toy.commit()
        return toy

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("-c", "user.name=toy", "-c", "user.email=toy@localhost", "commit", "--quiet", "--message=toy")

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    def write_list(self, *mutants: dict[str, Any], name: str = "toy") -> None:
        """Write a list; an entry has what `mutant` gave it."""
        tables = [
            "[[mutant]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in mutant.items()) for mutant in mutants
        ]
        (self.path / "lists" / f"{name}.toml").write_text("\n".join(tables))

    def command(self, *options: str, python: str = sys.executable) -> list[str]:
        return [
            *(python, "-m", "tools.mutants"),
            *("--checkout", str(self.path), "--lists", str(self.path / "lists"), *options),
        ]

    def run(self, *options: str, editable: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the runner; with `editable`, from a virtual environment there into which this project is installed."""
        python = self._installed(editable) if editable else sys.executable
        command = self.command(*options, python=python)
        return subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=240)

    def _installed(self, environment: Path) -> str:
        make_environment(environment, CHECKOUT, CHECKOUT)
        (packages,) = environment.glob("lib/*/site-packages")
        (packages / "toy.pth").write_text(f"{self.path}\n")
        return str(environment / "bin" / "python")

    def result(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.path / "build" / "mutants.json").read_text())
        return content


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def mutant(name: str, old: str, new: str, *tests: str, **more: Any) -> dict[str, Any]:
    """Return an entry that changes thing.py."""
    selected = [f"tests/test_thing.py::{test}" for test in tests]
    return {
        "id": name,
        "promise": f"{name} holds",
        "file": "thing.py",
        "old": old,
        "new": new,
        "tests": selected,
        **more,
    }
