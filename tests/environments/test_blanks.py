"""A blank in the name of a directory: what runs works there, and what needs make says at once that it cannot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hil.errors import UsageError
from hil.firmware import build
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


@pytest.mark.parametrize("name", ["a checkout", "a cache"])
def test_a_build_says_at_once_that_make_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    checkout = tmp_path / ("a checkout" if name == "a checkout" else "checkout")
    checkout.mkdir()
    (checkout / "firmware").symlink_to(ROOT / "firmware")
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / ("a cache" if name == "a cache" else "cache")))
    with pytest.raises(UsageError, match=f"make cannot build in '.*{name}', whose name has a blank"):
        build("qemu-virt", checkout=checkout)


def test_setup_says_at_once_that_make_cannot(tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    (checkout / "hil" / "operations" / "doctor").mkdir(parents=True)
    for name in ("bootstrap.sh", "requirements.lock", "pyproject.toml", "hil/operations/doctor/check.py"):
        shutil.copy(ROOT / name, checkout / name)
    done = subprocess.run([checkout / "bootstrap.sh"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"setup: make cannot build in '{checkout}', whose name has a blank: move the checkout\n"
