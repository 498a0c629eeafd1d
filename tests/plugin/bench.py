"""Runs of pytest on the fake board, and what they leave behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from junitparser import JUnitXml

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BOARD = """
targets:
  main:
    features: [{features}]
    drivers:
      FakeStrategy:
        boot_error: "{boot_error}"
options:
  lacks:
    protected_secure_space: there is no TZASC
imports: [tests.plugin.fake_board]
"""


@dataclass
class Bench:
    """Runs pytest on the fake board and reads what it left behind."""

    pytester: pytest.Pytester

    def board(self, *, features: str = "", boot_error: str = "") -> None:
        self.pytester.makeconftest('pytest_plugins = ["hil.plugin"]')
        self.pytester.makefile(".yaml", fake=BOARD.format(features=features, boot_error=boot_error))

    def run(self, tests: str, *arguments: str) -> pytest.RunResult:
        (self.pytester.mkdir("suites") / "test_subject.py").write_text("import pytest\n" + tests)
        return self.pytester.runpytest_inprocess("--lg-env", "fake.yaml", *arguments, "suites")

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
    def junit(self) -> JUnitXml:
        return JUnitXml.fromfile(str(self.latest / "junit.xml"))
