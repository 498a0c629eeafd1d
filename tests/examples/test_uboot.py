"""The example repository and the tutorial for U-Boot do what they say, in a directory of their own."""

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
TUTORIAL = ROOT / "docs" / "tutorial-uboot.md"
INSTALLED = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
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


@pytest.mark.emulator
def test_the_commands_of_the_tutorial_end_green(repository: Path, tmp_path: Path) -> None:
    sh("hil firmware fetch u-boot-qemu usr/lib/u-boot/qemu_arm64/u-boot.bin", repository)
    text = TUTORIAL.read_text().replace(INSTALLED, str(repository / "firmware" / "u-boot.bin"))
    (test,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    blocks = re.findall(r"<!-- not run: (\w+) -->\n```sh\n(.*?)```", text, re.DOTALL)
    first, board, run = (commands for why, commands in blocks if why == "long")
    sh(re.sub("sudo .*", "", first), tmp_path)
    tree = tmp_path / "my-tests"
    assert "uboot: use" in sh(board, tree)
    (tree / "tests").mkdir()
    (tree / "tests" / "test_first.py").write_text(test)
    sh(run, tree)
    assert outcomes(tree) == ["passed"] * 2
