"""What developers are told of targets, hooks, machines, decisions and versions is so."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

from hil.operations.doctor.tools import TOOLS

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"
HOOKS = ROOT / ".pre-commit-config.yaml"
NO_PROGRAM = {"pygrep"}
"""Languages of hooks that are built into what runs them."""


def targets() -> set[str]:
    """Return the targets that the Makefile declares."""
    return set(re.findall(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split())


def test_make_help_tells_of_every_target() -> None:
    said = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(re.findall(r"^make (\S+) +\S", said.stdout, re.MULTILINE)) == targets()


def test_make_without_a_target_runs_the_suites() -> None:
    command = ["make", "--no-print-directory", "--dry-run"]
    plan = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert plan.splitlines()[-1].startswith(".venv/bin/hil run")


def hooks() -> list[dict[str, Any]]:
    """Return the hooks that are not built in."""
    return [
        hook
        for repository in yaml.safe_load(HOOKS.read_text())["repos"]
        if repository["repo"] == "local"
        for hook in repository["hooks"]
    ]


def test_hooks_are_taken_from_no_other_repository() -> None:
    assert {repository["repo"] for repository in yaml.safe_load(HOOKS.read_text())["repos"]} == {"builtin", "local"}
    assert {hook["language"] for hook in hooks()} <= {"system", *NO_PROGRAM}


def test_hooks_call_the_tools_of_the_checkout_or_those_that_doctor_installs() -> None:
    installed = {tool.program for tool in TOOLS.values()}
    programs = [hook["entry"].split()[0] for hook in hooks() if hook["language"] not in NO_PROGRAM]
    assert programs
    assert [program for program in programs if not program.startswith(".venv/bin/") and program not in installed] == []


def test_the_hook_for_subjects_takes_those_that_the_style_asks_for() -> None:
    pattern = re.compile(next(hook["entry"] for hook in hooks() if hook["id"] == "subject"), re.MULTILINE)
    good = [
        "docs: say it",
        "hil/lab: take a place\n\nA body. It ends with a stop.",
        "fixup! docs: say it",
        f"a: {'x' * 69}",
    ]
    bad = ["Say it", "docs: say it.", "docs:say it", f"a: {'x' * 70}", "Docs: say it"]
    assert [subject for subject in good if pattern.search(subject)] == []
    assert [subject for subject in bad if not pattern.search(subject)] == []


def test_the_devcontainer_is_a_stage_of_the_dockerfile_and_calls_targets_that_there_are() -> None:
    described = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    dockerfile = (ROOT / ".devcontainer" / described["build"]["dockerfile"]).resolve()
    assert f" AS {described['build']['target']}\n" in dockerfile.read_text()
    program, *called = described["postCreateCommand"].split()
    assert program == "make"
    assert set(called) <= targets()


def test_decisions_are_numbered_dated_and_found_in_the_index_and_in_the_navigation() -> None:
    index, navigation = (DECISIONS / "index.md").read_text(), (ROOT / "mkdocs.yml").read_text()
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    for number, page in enumerate(pages, 1):
        title, date, *sections = re.findall(r"^(?:#+ .*|\d{4}-\d\d-\d\d)$", page.read_text(), re.MULTILINE)
        assert title.startswith(f"# {number}. "), page
        assert sections == ["## The question", "## What was chosen", "## What was given up"], page
        assert f"| [{number}]({page.name}) | {date} | {title.partition('. ')[2]} |" in index
        assert f" decisions/{page.name}\n" in navigation


def test_the_changelog_begins_with_the_version_of_the_package_or_with_what_comes_after_it() -> None:
    versions = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    released = [version for version in versions if version != "Unreleased"]
    assert re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", released[0])
    assert "Unreleased" not in versions[1:]
