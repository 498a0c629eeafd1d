"""hil as a dependency of somebody else's repository: from a wheel, without a checkout, without a conftest.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.firmware import build_directory
from hil.settings import KEYS
from tests.cli.checkout import BOARD, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 300
WHOLE = ("hil", "boards", "examples", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")
IMPORT_ALL = """
import importlib, pkgutil, hil
for module in pkgutil.walk_packages(hil.__path__, "hil."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(hil.__file__)
"""


@dataclass
class Repository:
    """A tree of a user's own, and hil as installed for it."""

    path: Path
    site: Path

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def hil(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "hil", *arguments)

    def write(self, path: str, text: str) -> None:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the wheel of this checkout holds."""
    sources, site = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    for name in WHOLE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, sources / name)
    shutil.copytree(
        ROOT / "firmware",
        sources / "firmware",
        ignore=lambda folder, names: [n for n in names if _no_header(folder, n)],
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--target", str(site), str(sources)]
    done = subprocess.run([*pip, *options], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return site


def _no_header(folder: str, name: str) -> bool:
    return not (name.endswith(".h") or os.path.isdir(os.path.join(folder, name)))  # noqa: PTH112, PTH118


@pytest.fixture
def repository(tmp_path: Path, site: Path) -> Repository:
    """A repository with one board and one suite."""
    repository = Repository(tmp_path, site)
    repository.write("pyproject.toml", '[tool.hil]\nboard-files = "lab"\nsuites = "checks"\nreports = "out"\n')
    repository.write("lab/mine.yaml", BOARD.replace("[tests.session.plugin.fake_board]", "[fake_board.py]"))
    shutil.copy(ROOT / "tests" / "session" / "plugin" / "fake_board.py", tmp_path / "lab" / "fake_board.py")
    repository.write("checks/test_own.py", "def test_own(board): assert board.name == 'mine'\n")
    return repository


def test_every_module_of_the_installed_package_can_be_imported(repository: Repository) -> None:
    done = repository.python("-c", IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(repository.site))


def test_the_package_has_every_file_that_belongs_to_it(site: Path) -> None:
    ours = (path for path in (ROOT / "hil").rglob("*.*") if path.is_file() and "__pycache__" not in path.parts)
    assert [str(path) for path in ours if not (site / path.relative_to(ROOT)).is_file()] == []


def test_hil_runs_boards_and_suites_where_the_repository_keeps_them(repository: Repository) -> None:
    done = repository.hil("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout
    record = json.loads((repository.path / "out" / "latest" / "run.json").read_text())
    assert [case["id"] for case in record["cases"]] == ["checks/test_own.py::test_own"]


def test_plain_pytest_finds_the_plugin_without_a_conftest(repository: Repository) -> None:
    done = repository.python("-m", "pytest", "--lg-env", "lab/mine.yaml")
    assert "board mine, firmware unknown: passed (exit code 0); record in out/" in done.stdout, done.stdout


def test_a_repository_that_does_not_use_hil_does_not_notice_it(repository: Repository) -> None:
    repository.write("pyproject.toml", "")
    repository.write(
        "checks/test_own.py", "def test_own(request): assert not hasattr(request.config.option, 'hil_why')\n"
    )
    assert repository.python("-m", "pytest").returncode == 0
    repository.write("checks/test_own.py", "def test_own(vtpm): pass\n")
    assert "fixture 'vtpm' not found" in repository.python("-m", "pytest").stdout


def test_a_build_says_that_it_takes_a_checkout(repository: Repository) -> None:
    done = repository.hil("build")
    assert done.returncode == 2
    assert "hil is installed as a package" in done.stderr
    assert "hil run --firmware DIR" in done.stderr


def test_a_misspelt_setting_is_answered_with_the_nearest_name(repository: Repository) -> None:
    repository.write("pyproject.toml", '[tool.hil]\nsuits = "checks"\n')
    done = repository.hil("boards")
    assert done.returncode == 2
    assert "pyproject.toml: [tool.hil] has no key `suits`" in done.stderr
    assert "try: `suites`" in done.stderr


def test_a_directory_without_any_of_the_images_is_refused(repository: Repository) -> None:
    (repository.path / "empty").mkdir()
    done = repository.hil("run", "--firmware", "empty")
    assert done.returncode == 2
    assert "has none of the images of this board" in done.stderr


@pytest.mark.emulator
def test_firmware_that_was_built_elsewhere_boots_on_an_own_board(repository: Repository) -> None:
    firmware = str(build_directory("qemu-virt"))
    assert repository.hil("new", "board", "virt").returncode == 0
    assert repository.hil("new", "suite", "own").returncode == 0
    done = repository.hil("run", "--board", "virt", "-n", "2", "--firmware", firmware, "checks/own")
    assert done.returncode == 0, done.stdout + done.stderr
    (board_of_run,) = json.loads((repository.path / "out" / "latest" / "run.json").read_text())["boards"]
    assert board_of_run["provenance"]["firmware_hash"]


@pytest.mark.emulator
def test_a_new_board_and_a_new_suite_run_green_at_once(repository: Repository) -> None:
    for command in (("board", "virt", "--firmware", str(build_directory("qemu-virt"))), ("suite", "own")):
        done = repository.hil("new", *command)
        assert done.returncode == 0, done.stderr
    done = repository.hil("run", "--board", "virt", "checks/own")
    assert "5 passed" in done.stdout, done.stdout


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "own-repository.md").read_text()
    section = page.partition("\n## Settings\n")[2].partition("\n## ")[0]
    documented = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert documented == list(KEYS)
