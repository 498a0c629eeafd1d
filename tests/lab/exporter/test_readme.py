"""The README's words alone lead to a run on a board behind an exporter: its blocks are taken from it and run."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from hil.lab.address import LabAddress
from tests.lab.exporter.reallab import LOOPBACK, PROGRAMS, ROOT, TIMEOUT_SECONDS, BoardOnABench, RealLab, free_port

if TYPE_CHECKING:
    from pathlib import Path

HEADING = "### A board behind a labgrid exporter"
PLACE = "rpi4-1"


def blocks() -> list[str]:
    """The blocks of the section, without their indentation."""
    section = (ROOT / "README.md").read_text().partition(HEADING)[2].partition("\n## ")[0]
    found = re.findall(r"^   ```(?:sh|yaml)\n(.*?)^   ```$", section, re.DOTALL | re.MULTILINE)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in found]


def test_the_steps_of_the_readme_lead_to_a_run(tmp_path: Path) -> None:
    exports, programs, place, run = blocks()
    with BoardOnABench.plugged_in(tmp_path) as bench:
        lab = RealLab(tmp_path, bench, LabAddress(LOOPBACK, free_port()), {"PATH": f"{PROGRAMS}:/usr/bin:/bin"})
        here = {
            "/dev/ttyUSB0": str(bench.wire.link.readlink()),
            "http://192.0.2.7": f"http://{LOOPBACK}:{bench.port}",
            "lab.example:20408": str(lab.address),
            "lab.example": LOOPBACK,
        }

        def ours(text: str) -> str:
            for word, replacement in here.items():
                text = text.replace(word, replacement)
            return text

        def shell(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
            script = f'set -e\nhil() {{ {sys.executable} -m hil "$@"; }}\n{ours(script)}'
            environment = {**lab.environment, "PYTHONPATH": str(ROOT)}
            del environment["LG_COORDINATOR"]  # which the README itself says
            return subprocess.run(
                ["sh", "-c", script],
                cwd=directory,
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )

        board_file = lab.write_tree()
        board_file.rename(board_file.with_name("rpi4-remote.yaml"))
        (tmp_path / "exports.yaml").write_text(ours(exports))
        try:
            for command, ready in zip(programs.splitlines(), ("listening", "listening", "Exporter ready"), strict=True):
                name, *words = ours(command).split()
                program = sys.executable if name == "python" else str(PROGRAMS / name)
                lab.start(f"{name}-{len(lab.processes)}", program, *words, ready=ready)
            done = shell(place, tmp_path)
            assert done.returncode == 0, done.stdout + done.stderr
            lab.await_good(PLACE)
            done = shell(run, tmp_path / "tree")
            assert done.returncode == 0, done.stdout + done.stderr
            assert bench.board.executed[-1] == "hello"
            assert lab.place(PLACE).state == "free"
        finally:
            for name in [*lab.processes]:
                lab.end(name)
