"""Runs on two fake boards, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from hil.paths import HIL
from hil.record import Record, load
from tests.cli.checkout import BOARD, ROOT, Checkout

if TYPE_CHECKING:
    from hil.record import Case

BOTH = ("run", "--board", "bare", "--board", "linux")
"""The arguments of a run on both boards."""


class Boards(Checkout):
    """A tree with two boards, `bare` and `linux`, of which only the second one has Linux."""

    def fill(self) -> None:
        super().fill()
        (self.path / "boards" / "fake-board.yaml").unlink()
        (self.path / "boards" / "bare.yaml").write_text(BOARD)
        (self.path / "boards" / "linux.yaml").write_text(BOARD.replace("{secure", "{linux: Debian, secure"))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command line and return without waiting for it."""
        return subprocess.Popen(
            [*HIL, *arguments],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def record(self) -> Record:
        """The newest record."""
        return load(self.path / "reports" / "latest")

    def cases(self, board: str = "bare") -> dict[str, Case]:
        """The cases of a board by the name of the test."""
        return {case.name: case for case in self.record.cases if case.board == board}

    @property
    def junit(self) -> list[tuple[str, str]]:
        """Class and name of each case in JUnit."""
        root = ElementTree.parse(self.path / "reports" / "latest" / "junit.xml").getroot()
        return [(case.get("classname", ""), case.get("name", "")) for case in root.iter("testcase")]
