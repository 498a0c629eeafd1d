"""The pipelines in our how-tos are valid for the systems that they are for, and name what there is."""

from __future__ import annotations

import json
import re
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main
import yaml

from hil.cli.commandline import app

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "ci"
PIPELINES = {"gitlab-ci.yml": "gitlab-ci", "github-actions.yml": "github-workflows"}
"""Each file, and the name of the schema that its system publishes."""
EXAMPLES = (*PIPELINES, "Jenkinsfile")

_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
_COMMAND = re.compile(r"\.venv/bin/hil ([^\n;}|']*)")
_FILE = re.compile(r"(?<![\w/])(?:\./)?((?:firmware/)?(?:requirements|sources)\.lock|bootstrap\.sh)")
_BOARD = re.compile(r"qemu-virt[\w-]*")


def text(example: str) -> str:
    return (FOLDER / example).read_text(encoding="utf-8")


def complaints(example: str, document: Any) -> list[str]:
    """What the published schema has against a document."""
    schemas = resources.files("check_jsonschema.builtin_schemas") / "vendor"
    schema = json.loads((schemas / f"{PIPELINES[example]}.json").read_text(encoding="utf-8"))
    return [error.message for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(document)]


def commands(example: str) -> list[list[str]]:
    """The command lines of ours in an example, with something in the place of what the system fills in."""
    plain = _EXPRESSION.sub("qemu-virt", text(example))
    return [shlex.split(found) for found in _COMMAND.findall(plain)]


@pytest.mark.parametrize("example", PIPELINES)
def test_a_pipeline_fits_the_schema_of_its_system(example: str) -> None:
    # YAML 1.1 takes the key `on` for a truth value; those who publish the schemas do not
    document = {"on" if key is True else key: value for key, value in yaml.safe_load(text(example)).items()}
    assert complaints(example, document) == []


@pytest.mark.parametrize("example", PIPELINES)
def test_the_schemas_find_mistakes(example: str) -> None:
    assert complaints(example, {"jobs": {"emulated": {"stage": 7, "script": 7}}, "emulated": {"script": 7}})


@pytest.mark.parametrize("example", EXAMPLES)
def test_commands_in_a_pipeline_are_ours(example: str) -> None:
    ours = typer.main.get_command(app)
    found = commands(example)
    assert {words[0] for words in found} == {"run", "report"}
    for name, *arguments in found:
        context = ours.commands[name].make_context(name, arguments)  # type: ignore[attr-defined]
        assert not [one for one in context.params.get("arguments") or () if one.startswith("-")]


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_a_pipeline_names_is_there(example: str) -> None:
    for name in _FILE.findall(text(example)):
        assert (ROOT / name).is_file()
    boards = set(_BOARD.findall(text(example)))
    assert boards
    for board in boards:
        assert (ROOT / "boards" / f"{board}.yaml").is_file()


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_how_to_leads_to_its_pipeline(example: str) -> None:
    assert any(f"({example})" in page.read_text(encoding="utf-8") for page in FOLDER.glob("*.md"))


def test_brackets_of_the_jenkinsfile_are_closed() -> None:
    open_ones: list[str] = []
    pairs = {")": "(", "]": "[", "}": "{"}
    for sign in re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|//.*", "", text("Jenkinsfile")):
        if sign in pairs.values():
            open_ones.append(sign)
        elif sign in pairs:
            assert open_ones.pop() == pairs[sign]
    assert not open_ones
