"""A blank in the name of a directory: what runs works there, and what needs make says at once that it cannot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hil.errors import UsageError
from hil.firmware import build
from hil.operations.doctor import check
from hil.paths import MISREAD, unbuildable
from tests.cli.checkout import ROOT
from tests.environments.commands import Commands


def test_a_run_works_in_directories_with_blanks(tmp_path: Path) -> None:
    tree = Commands(tmp_path / "with space" / "my tree")
    tree.path.mkdir(parents=True)
    tree.fill()
    places = {name: str(tmp_path / f"with {name}") for name in ("HOME", "HIL_CACHE", "TMPDIR")}
    for place in places.values():
        Path(place).mkdir()
    done = tree.shell("hil run --board bare --board linux --no-build && hil report", variables=places)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("checkout", "cache", "why"),
    [
        ("a checkout", "cache", "a checkout', whose name has a blank"),
        ("checkout", "a cache", "a cache', whose name has a blank"),
        ("job%2Fmain", "cache", "job%2Fmain', whose name has a `%`"),
    ],
)
def test_a_build_says_at_once_that_make_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: str, cache: str, why: str
) -> None:
    tree = tmp_path / checkout
    tree.mkdir()
    (tree / "firmware").symlink_to(ROOT / "firmware")
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / cache))
    with pytest.raises(UsageError, match=f"make cannot build in '.*{why}"):
        build("qemu-virt", checkout=tree)
    monkeypatch.setattr(check, "CHECKOUT", tree)
    (paths,) = [found for found in check.checks() if found.name == "paths"]
    assert not paths.ok
    assert why.rpartition(" has ")[2] in paths.found


def test_a_directory_may_have_all_other_characters() -> None:
    assert unbuildable(Path("/home/Müller/it+is@all~^x_1.2-3")) == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a checkout", ", whose name has a blank: move the checkout"),
        *((f"a{character}checkout", ": move the checkout to plain letters and digits") for character in MISREAD),
    ],
)
def test_setup_says_at_once_that_make_cannot(tmp_path: Path, name: str, why: str) -> None:
    checkout = tmp_path / name
    (checkout / "hil" / "operations" / "doctor").mkdir(parents=True)
    for name in ("bootstrap.sh", "requirements.lock", "pyproject.toml", "hil/operations/doctor/check.py"):
        shutil.copy(ROOT / name, checkout / name)
    done = subprocess.run([checkout / "bootstrap.sh"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"setup: make cannot build in '{checkout}'{why}\n"
