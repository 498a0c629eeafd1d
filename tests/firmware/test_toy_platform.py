"""A platform is added by files alone: a directory of firmware/platform/, and boards that name it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hil.paths import CHECKOUT, HIL

if TYPE_CHECKING:
    from pathlib import Path

PLAN = """
import json
from hil.board.builds import Build, build_linux, has_linux
from hil.board.file.boardfile import BoardFile
from hil.firmware.lock import lock_files
from hil.firmware.packing import packing_of
from hil.firmware.platforms import platform_named
from hil.paths import CHECKOUT

toy = platform_named("toy")
build = Build.of_board(BoardFile.read(CHECKOUT / "boards" / "toy-linux.yaml"))
print(json.dumps({
    "build": [build.platform, build.linux],
    "has_linux": has_linux("toy"),
    "images": [*packing_of(toy, None).images],
    "engine": toy.address("VTPM_ENGINE_PA"),
    "locks": [str(path.relative_to(CHECKOUT)) for path in lock_files(CHECKOUT)],
}))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with one more platform, which no line of Python knows."""
    tree = tmp_path_factory.mktemp("checkout")
    for name in ("hil", "firmware", "boards"):
        shutil.copytree(CHECKOUT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tree)
    toy = tree / "firmware" / "platform" / "toy"
    shutil.copytree(toy.with_name("qemu-virt"), toy)
    shutil.copy(toy.with_name("rpi4") / "sources.lock", toy)
    declaration = (toy / "platform.toml").read_text()
    (toy / "platform.toml").write_text(declaration.replace("flash.bin", "toy.bin"))
    for end in ("", "-linux", "-direct"):
        board = (tree / "boards" / f"qemu-virt{end}.yaml").read_text()
        (tree / "boards" / f"toy{end}.yaml").write_text(board.replace("qemu-virt", "toy"))
    return tree


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def hil(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(tree, *HIL, *arguments)


def test_the_build_knows_a_new_platform(tree: Path) -> None:
    done = run(tree, sys.executable, "-c", PLAN)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["build"] == ["toy", True]
    assert plan["has_linux"]
    assert plan["images"] == ["toy.bin"]
    assert plan["engine"] > 0
    assert "firmware/platform/toy/sources.lock" in plan["locks"]


def test_the_commands_know_a_new_platform(tree: Path) -> None:
    said = hil(tree, "build", "--help").stdout.replace("│", " ")
    assert "The platform to build for: juno, qemu-virt, rpi4, toy (default: qemu-virt)." in " ".join(said.split())
    refused = hil(tree, "build", "--platform", "toyy")
    assert refused.returncode == 2
    assert "there is no platform 'toyy'; there is juno, qemu-virt, rpi4, toy" in refused.stderr
    boards = {board["name"]: board["platform"] for board in json.loads(hil(tree, "boards", "--json").stdout)}
    assert boards["toy"] == "toy"
    checked = hil(tree, "boards", "--check", "toy", "toy-linux")
    assert checked.returncode == 0, checked.stdout
