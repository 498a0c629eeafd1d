"""The wheel and the sdist of `make dist`, installed in an environment that has what the package requires alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.extras import EXTRAS
from tests.cli.checkout import BOARD, ROOT

SECONDS = 300
WITHOUT = (*(module for extra in EXTRAS for module in extra.modules), "hil", "_hil")
"""What the empty environment does not get from ours: the packages of extras, and hil itself."""
IMPORT_ALL = """
import importlib, pkgutil, hil
for module in pkgutil.walk_packages(hil.__path__, "hil."):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        print(module.name, error.name)
"""
NEEDS_TPM = """
import pytest

class Nowhere:
    def transmit(self, command):
        raise AssertionError

@pytest.fixture
def vtpm(board):
    return Nowhere()

def test_tpm(tpm): pass
def test_raw(board):
    from hil.target.tpm import commands
    assert commands.startup()
"""


@dataclass
class Environment:
    """A virtual environment with hil in it, and a directory to work in."""

    path: Path
    directory: Path

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        return subprocess.run(
            [self.path / "bin" / "python", *arguments],
            cwd=self.directory,
            env={**environment, "XDG_STATE_HOME": str(self.path / "state")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def hil(self, *arguments: str) -> str:
        """Return what a command prints that must succeed; it is started as a user starts it."""
        done = self.python(str(self.path / "bin" / "hil"), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, path: str, text: str) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist") / "dist"
    command = ["make", "--old-file=setup", "dist", f"DIST={directory}", f"BIN={Path(sys.executable).parent}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


@pytest.fixture(scope="module")
def requirements(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all that is installed here, except for hil and what only extras bring."""
    directory = tmp_path_factory.mktemp("requirements")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        name = entry.name.partition(".")[0].partition("-")[0]
        if name not in WITHOUT and entry.suffix != ".pth":
            (directory / entry.name).symlink_to(entry)
    return directory


def installed(package: Path, requirements: Path, directory: Path) -> Environment:
    """Return a new environment with a wheel, or an sdist, in it."""
    path = directory / "venv"
    venv.create(path, symlinks=True)
    site = sysconfig.get_path("purelib", vars={"base": str(path), "platbase": str(path)})
    (Path(site) / "requirements.pth").write_text(f"{requirements}\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(path / "bin" / "python")]
    command = [*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", str(package)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    empty = directory / "empty"
    empty.mkdir()
    return Environment(path, empty)


@pytest.fixture(scope="module", params=["*.whl", "*.tar.gz"])
def anywhere(
    request: pytest.FixtureRequest, dist: Path, requirements: Path, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment with one of the two, and an empty directory."""
    (package,) = dist.glob(request.param)
    return installed(package, requirements, tmp_path_factory.mktemp("anywhere"))


@pytest.fixture(scope="module")
def plain(dist: Path, requirements: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel and without extras, in a repository of a user's own."""
    (package,) = dist.glob("*.whl")
    found = installed(package, requirements, tmp_path_factory.mktemp("plain"))
    found.write("pyproject.toml", "[tool.hil]\n")
    found.write("boards/mine.yaml", BOARD.replace("[tests.session.plugin.fake_board]", "[fake_board.py]"))
    shutil.copy(ROOT / "tests" / "session" / "plugin" / "fake_board.py", found.directory / "boards")
    return found


def test_the_wheel_holds_the_package_and_neither_tools_nor_tests(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"hil"}
    assert not [name for name in names if Path(name).name.startswith(("test_", "conftest"))]


def test_the_sdist_builds_the_same_wheel_as_the_checkout(dist: Path, tmp_path: Path) -> None:
    """`make dist` builds its wheel from the sdist, so a file that the sdist lacks is missing from that wheel."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
    contents = []
    for directory in (dist, tmp_path):
        (wheel,) = directory.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            contents.append({entry.filename: entry.CRC for entry in archive.infolist()})
    assert contents[0] == contents[1]


def test_the_sdist_has_the_firmware_and_no_test(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "firmware/service/include/vtpm_abi.h", "hil/py.typed"} <= names
    assert {name.partition("/")[0] for name in names} & {"tests", "tools", "suites"} == set()


def test_commands_work_from_an_empty_directory(anywhere: Environment) -> None:
    assert anywhere.hil("--version").startswith("hil ")
    assert "Test the firmware of ARMv8-A boards" in anywhere.hil("--help")
    try:
        assert "ready after" in anywhere.hil("lab", "up", "--detach", "--boards", "2")
        places = json.loads(anywhere.hil("lab", "status", "--json"))
        assert [(place["name"], place["health"]) for place in places] == [
            ("simulated-1", "good"),
            ("simulated-2", "good"),
        ]
    finally:
        anywhere.hil("lab", "down")
    assert list(anywhere.directory.iterdir()) == []


def test_a_new_repository_has_a_board_that_passes_its_check(anywhere: Environment, tmp_path: Path) -> None:
    there = Environment(anywhere.path, tmp_path)
    there.write("pyproject.toml", "[tool.hil]\n")
    there.write("build/flash.bin", "firmware")
    there.hil("new", "board", "mine", "--like", "qemu-virt", "--firmware", str(tmp_path / "build"))
    there.hil("boards", "--check")


def test_only_what_needs_an_extra_cannot_be_imported_without_it(plain: Environment) -> None:
    lines = plain.python("-c", IMPORT_ALL).stdout.splitlines()
    missing = dict(line.split() for line in lines)
    allowed = ("hil.target.tpm.", "hil.operations.serve", "hil.operations.bench.")
    assert [module for module in missing if not module.startswith(allowed)] == []
    assert {"hil.target.tpm.tpm", "hil.operations.serve"} <= missing.keys()  # else this environment has the extras
    assert set(missing.values()) <= {"tpm2_pytss", "starlette", "uvicorn"}


def test_serving_reports_without_its_extra_says_what_to_install(plain: Environment) -> None:
    done = plain.python("-m", "hil", "report", "--serve")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "hil report --serve needs the Python package `starlette` of the extra hil[serve]" in done.stderr
    assert f"{plain.path}/bin/python -m pip install 'starlette" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_suite_that_uses_the_tpm_without_its_extra_says_what_to_install(plain: Environment) -> None:
    plain.write("suites/test_tpm.py", NEEDS_TPM)
    done = plain.python("-m", "hil", "run", "suites/test_tpm.py")
    assert done.returncode == 2, done.stdout + done.stderr
    record = json.loads((plain.directory / "reports" / "latest" / "run.json").read_text())
    outcomes = {case["id"].partition("::")[2]: case for case in record["cases"]}
    assert outcomes["test_raw"]["outcome"] == "passed"
    (fault,) = outcomes["test_tpm"]["faults"]
    assert fault["kind"] == "usage"
    assert "TPM commands need the Python package `tpm2_pytss` of the extra hil[tpm]" in fault["message"]
    assert "-m pip install 'tpm2-pytss" in fault["hint"]


def test_a_suite_that_imports_a_package_of_an_extra_says_what_to_install(plain: Environment) -> None:
    plain.write("suites/test_import.py", "from tpm2_pytss import TPM2_ALG\ndef test_it(board): pass\n")
    done = plain.python("-m", "hil", "run", "suites/test_import.py")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "TPM commands need the Python package `tpm2_pytss`" in done.stdout
    assert "-m pip install 'tpm2-pytss" in done.stdout
    assert "Traceback" not in done.stdout
