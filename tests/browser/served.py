"""`hil report --serve` as a process of its own, over a small tree."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hil.paths import HIL
from hil.record import BoardOfRun, Provenance, Run
from tests.cli.checkout import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 120


@dataclass
class Served:
    """The server at `url`, and the tree that it shows."""

    process: subprocess.Popen[str]
    checkout: Checkout
    url: str

    @classmethod
    def start(cls, directory: Path) -> Served:
        checkout = Checkout(directory)
        checkout.fill()
        (directory / "reports").mkdir()
        process = subprocess.Popen(
            [*HIL, "report", "--serve", "--port", "0"],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )
        assert process.stdout
        said = process.stdout.readline()
        assert " at http://127.0.0.1:" in said
        return cls(process, checkout, said.partition(" at ")[2].partition(";")[0])

    @property
    def reports(self) -> Path:
        return self.checkout.path / "reports"

    def run(self, name: str = "fake-board") -> Run:
        """Begin a run, as this process."""
        return Run(self.reports, BoardOfRun(name, Provenance()))

    def ask(self, path: str, method: str = "GET", host: str = "") -> http.client.HTTPResponse:
        """Send just this path, which a browser would make shorter first."""
        address = urlsplit(self.url)
        assert address.hostname
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=SECONDS)
        connection.request(method, path, headers={"Host": host} if host else {})
        return connection.getresponse()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(SECONDS)
