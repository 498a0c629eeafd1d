"""The example repository for U-Boot does what it says, in a directory of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "uboot"
SECONDS = 240


def sh(script: str, tree: Path) -> str:
    """Run commands as a user types them, where `hil` is this checkout's, and return what they print."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        ["sh", "-ec", script], cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outcomes(tree: Path) -> list[str]:
    record = json.loads((tree / "reports" / "latest" / "run.json").read_text())
    return [case["outcome"] for case in record["cases"]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return shutil.copytree(EXAMPLE, tmp_path / "uboot", ignore=shutil.ignore_patterns("*.bin", "reports"))


@pytest.mark.emulator
def test_the_commands_of_the_readme_end_green(repository: Path) -> None:
    (commands,) = re.findall(r"```sh\n(.*?)```", (repository / "README.md").read_text(), re.DOTALL)
    sh(commands, repository)
    assert outcomes(repository) == ["passed"] * 7
