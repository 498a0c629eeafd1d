"""What users may import is stated once, complete, and enough: our own suites and examples use nothing else."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.api import MODULES
from tests.docs.blocks import PAGES, blocks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[1]
TEMPLATE = CHECKOUT / "hil" / "operations" / "new" / "example.py"
"""What `hil new suite` writes into a user's repository."""
SUITES = [*sorted((CHECKOUT / "suites").rglob("*.py")), TEMPLATE]
EXAMPLES = [block for page in PAGES for block in blocks_of(page) if block.language == "python"]
ROW = re.compile(r"^\| `(hil[\w.]*)` \| (.*) \|$", re.MULTILINE)


def not_public(source: str) -> Iterator[str]:
    """Yield the names below `hil` that Python source imports, or reaches into, and that are not public."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if is_ours(name.name) and name.name not in MODULES)
        elif isinstance(node, ast.ImportFrom) and is_ours(node.module or ""):
            yield from (f"{node.module}.{name.name}" for name in node.names if not is_public(node.module, name.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and not is_own(node.value):
            yield ast.unparse(node)


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "hil"


def is_public(module: str | None, name: str) -> bool:
    return module in MODULES and name in importlib.import_module(module).__all__


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in {"self", "cls"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from hil.deadline import Deadline", []),
        ("from hil.target.tpm import commands", []),
        ("import hil.errors", []),
        ("import hil.paths", ["hil.paths"]),
        ("from hil.target.vtpm.queue import ControlPage", ["hil.target.vtpm.queue.ControlPage"]),
        ("from hil.deadline import time", ["hil.deadline.time"]),
        ("def f(monitor): monitor._link.ask()", ["monitor._link"]),
        ("class A:\n def f(self): return self._own", []),
    ],
)
def test_the_check_tells_public_from_internal(source: str, found: list[str]) -> None:
    assert list(not_public(source)) == found


@pytest.mark.parametrize("file", SUITES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_suites_use_public_names_only(file: Path) -> None:
    assert list(not_public(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.place)
def test_examples_in_the_documentation_use_public_names_only(block: object) -> None:
    assert list(not_public(block.text)) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_names_what_is_public_and_documents_it(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__) > 0
    things = {key: getattr(module, key) for key in module.__all__}
    made = {key: thing for key, thing in things.items() if inspect.isclass(thing) or inspect.isfunction(thing)}
    assert [key for key, thing in made.items() if not inspect.getdoc(thing)] == []


def test_the_page_lists_the_public_modules_as_they_describe_themselves() -> None:
    page = (CHECKOUT / "docs" / "api.md").read_text(encoding="utf-8")
    described = [(name, (importlib.import_module(name).__doc__ or "").partition("\n")[0]) for name in MODULES]
    assert ROW.findall(page) == described


def test_a_driver_from_the_documentation_can_be_used(tmp_path: Path) -> None:
    """The example of a user's own driver: labgrid registers it, and nothing of its protocol is missing."""
    (block,) = (block for block in EXAMPLES if block.page.name == "api.md")
    (tmp_path / "rom.py").write_text(block.text)
    program = "import rom, labgrid; d = rom.RomFlasher(labgrid.Target('t'), 'rom'); print(d.plan().medium)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "a ROM", done.stderr
