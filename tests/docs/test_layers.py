"""The layers that docs/architecture.md shows are those that import-linter proves."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.docs.built import ROOT
from tools.site.layers import OUTPUT, layers, picture

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "architecture.md"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """This tree with a contract that may be changed."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "hil").symlink_to(ROOT / "hil")
    return tmp_path


def change(tree: Path, old: str, new: str) -> None:
    file = tree / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_the_picture_is_that_of_the_contract() -> None:
    drawn = (ROOT / OUTPUT).read_text(encoding="utf-8")
    assert drawn == picture(ROOT), "the contract has changed: .venv/bin/python -m tools.site.layers"
    assert f"({OUTPUT.relative_to('docs')})" in PAGE.read_text(encoding="utf-8")


def test_the_page_describes_every_layer_in_the_order_of_the_contract() -> None:
    table = re.findall(r"^\| `hil\.(\w+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    folders = [module for layer in layers(ROOT) if layer.is_folder for module in layer.modules]
    assert list(dict.fromkeys(name for name in table if name in folders)) == folders


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('    "report",\n    "coverage",\n', '    "coverage",\n    "report",\n'),
        ('"report",\n    "coverage"', '"report | coverage"'),
        ('"builds | flash | ssh | snapshot", "file"', '"builds | flash | ssh | snapshot | file"'),
        ('["hil.operations.*"]', '["hil.lab.*"]'),
    ],
    ids=["order", "siblings", "rooms", "independence"],
)
def test_a_change_of_the_contract_changes_the_picture(tree: Path, old: str, new: str) -> None:
    assert picture(tree) == picture(ROOT)
    change(tree, old, new)
    assert picture(tree) != picture(ROOT)


def test_every_module_of_the_package_is_in_a_layer() -> None:
    shown = {module for layer in layers(ROOT) for module in layer.modules}
    files = {path.stem for path in (ROOT / "hil").glob("*.py")} - {"__init__"}
    assert {path.parent.name for path in (ROOT / "hil").glob("*/__init__.py")} | files == shown
