"""What our documents tell a reader to type works, or says why it is not tried here."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.docs.blocks import PAGES, REASONS, ROOT, SHELL, TUTORIALS, Block, blocks_of
from tests.docs.copied import copy_tree

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 600


class LabgridLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Takes labgrid's `!template` for the text that it marks."""


LabgridLoader.add_constructor("!template", LabgridLoader.construct_scalar)

ALL = {page: blocks_of(page) for page in PAGES}


def to_run(page: Path) -> list[Block]:
    """The blocks that a reader of the page would bring about, one after the other.

    Tutorials are run whole by a test of their own.
    """
    if page in TUTORIALS:
        return []
    return [block for block in ALL[page] if block.file or (block.language == SHELL and not block.not_run)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of this tree with the firmware that is built."""
    copy_tree(tmp_path)
    return tmp_path


def test_every_block_of_commands_says_that_it_is_one() -> None:
    strange = [
        block.place for blocks in ALL.values() for block in blocks if block.has_commands and block.language != SHELL
    ]
    assert not strange, f"put commands into ```{SHELL} blocks, so that they are tried: {', '.join(strange)}"


def test_what_is_not_run_says_why_in_a_known_word() -> None:
    strange = [
        block.place
        for blocks in ALL.values()
        for block in blocks
        if block.not_run and (block.not_run not in REASONS or block.language != SHELL)
    ]
    assert not strange, f"`<!-- not run: REASON -->` with {' or '.join(sorted(REASONS))}: {', '.join(strange)}"


PYTHON = [block for blocks in ALL.values() for block in blocks if block.language == "python"]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_python_that_no_command_runs_names_only_what_there_is(block: Block) -> None:
    """The modules and names that an example imports; the rest is only parsed."""
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert not missing, f"{block.place}: {node.module} has no {', '.join(missing)}"


@pytest.mark.parametrize(
    "block",
    [block for blocks in ALL.values() for block in blocks if block.language in {"yaml", "toml", "json"}],
    ids=lambda block: block.place,
)
def test_examples_of_files_can_be_read(block: Block) -> None:
    match block.language:
        case "yaml":
            yaml.load(block.text, LabgridLoader)
        case "toml":
            tomllib.loads(block.text)
        case _:
            json.loads(block.text)


@pytest.mark.emulator
@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_work(page: Path, tree: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    for block in to_run(page):
        if block.file:
            (tree / block.file).write_text(block.text, encoding="utf-8")
            continue
        done = subprocess.run(
            ["sh", "-eux"],
            input=block.text,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{block.place}\n{done.stdout}{done.stderr}"
