"""A small tree that the commands can work in."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from hil.paths import HIL

ROOT = Path(__file__).parents[2]

BOARD = """
targets:
  main:
    features: {secure_space: unprotected}
    drivers:
      FakeStrategy:
        boot_error: ""
options:
  kind: emulator
  description: a board without hardware
imports: [tests.session.plugin.fake_board]
"""


@dataclass
class Checkout:
    """The tree, and the command line in it."""

    path: Path

    def fill(self) -> None:
        (self.path / "boards").mkdir()
        (self.path / "boards" / "fake-board.yaml").write_text(BOARD)
        (self.path / "suites" / "subject").mkdir(parents=True)
        (self.path / "conftest.py").write_text('pytest_plugins = ["hil.session.plugin"]\n')
        (self.path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-p no:hypothesispytest"\n')
        self.suite("def test_a(monitor): pass")

    def suite(self, tests: str) -> None:
        path = self.path / "suites" / "subject" / "test_subject.py"
        path.write_text("import pytest\n" + textwrap.dedent(tests))

    def hil_in_a_terminal(self, *arguments: str) -> str:
        """Return what a person would see, with the sequences that move the cursor."""
        terminal, other = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
        environment.pop("CI", None)
        process = subprocess.Popen(
            [*HIL, *arguments], cwd=self.path, env=environment, stdin=other, stdout=other, stderr=other
        )
        os.close(other)
        seen = b""
        with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
            while data := os.read(terminal, 65536):
                seen += data
        os.close(terminal)
        assert process.wait(timeout=60) == 0, seen.decode()
        return seen.decode()

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run plain pytest in the tree."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def hil(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [*HIL, *arguments],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
