"""Runs of pytest on the fake board, and what they leave behind."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from junitparser.xunit2 import JUnitXml, TestCase

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ARGUMENTS = ("--lg-env", "fake.yaml", "-p", "no:hypothesispytest")

BOARD = """
targets:
  main:
    features: {{{features}}}
    drivers:
      FakeStrategy:
        boot_error: "{boot_error}"
        states: [firmware, {boots_into}]
options:
  suites: [{suites}]
  facts:
    secure_space: there is no TZASC
images:
  flash: flash.bin
imports: [tests.session.plugin.fake_board]
"""


@dataclass
class Bench:
    """Runs pytest on the fake board and reads what it left behind."""

    pytester: pytest.Pytester

    def board(self, *, features: str = "", boot_error: str = "", boots_into: str = "monitor", suites: str = "") -> None:
        self.pytester.makeconftest('pytest_plugins = ["hil.session.plugin"]')
        file = BOARD.format(features=features, boot_error=boot_error, boots_into=boots_into, suites=suites)
        self.pytester.makefile(".yaml", fake=file)

    def write_manifest(self, text: str) -> None:
        """Put a firmware beside the board file."""
        (self.pytester.path / "manifest.json").write_text(text)

    def write(self, tests: str) -> None:
        """Write the one suite there is."""
        directory = self.pytester.path / "suites"
        directory.mkdir(exist_ok=True)
        text = "import pytest\n" + textwrap.dedent(tests)
        (directory / "test_subject.py").write_text(text, errors="surrogatepass")

    def run(self, tests: str, *arguments: str) -> pytest.RunResult:
        """Run `tests` on the board."""
        self.write(tests)
        return self.pytester.runpytest_inprocess(*ARGUMENTS, *arguments, "suites")

    @property
    def latest(self) -> Path:
        return self.pytester.path / "reports" / "latest"

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.latest / "run.json").read_text())
        return record

    @property
    def cases(self) -> dict[str, dict[str, Any]]:
        return {case["id"].rpartition("::")[2]: case for case in self.record["cases"]}

    @property
    def junit(self) -> Any:
        return JUnitXml.fromfile(str(self.latest / "junit.xml"))

    def case(self, name: str) -> Any:
        return next(case for suite in self.junit for case in suite.iterchildren(TestCase) if case.name == name)

    def case_properties(self, name: str) -> dict[str, str]:
        lines = (self.case(name).system_out or "").partition("--- ")[0].splitlines()
        return dict(line.split(": ", 1) for line in lines)
