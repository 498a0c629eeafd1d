"""Tab offers what there is: commands, options, boards, suites, tests; and is quiet where there is nothing."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.paths import HIL
from tests.cli.checkout import ROOT

if TYPE_CHECKING:
    from tests.cli.checkout import Checkout


def offered(checkout: Checkout, line: str, shell: str = "bash") -> list[str]:
    """Return what a shell gets when Tab is pressed at the end of `line`."""
    words = line.split(" ")
    if shell == "bash":
        asks = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    else:
        asks = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "_HIL_COMPLETE": f"complete_{shell}", **asks}
    done = subprocess.run(
        HIL, cwd=checkout.path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("hil r", ["run", "report"]),
        ("hil run --board fa", ["fake-board"]),
        ("hil console ", ["fake-board"]),
        ("hil run ", ["suites/subject/"]),
        ("hil run suites/subject/", ["suites/subject/test_subject.py"]),
        ("hil run suites/subject/test_subject.py::test_", ["suites/subject/test_subject.py::test_a"]),
        ("hil run suites/subject/test_subject.py :: test_", ["test_a"]),
        ("hil run nowhere/at", []),
        ("hil run --coverag", ["--coverage"]),
        ("hil build --platform qemu", ["qemu-virt"]),
        ("hil new board --like jun", ["juno", "juno-remote"]),
        ("hil lab check x", []),
    ],
)
def test_what_there_is_is_offered(checkout: Checkout, line: str, offers: list[str]) -> None:
    assert offered(checkout, line) == offers


@pytest.mark.parametrize(("shell", "offer"), [("zsh", '"fake-board"'), ("fish", "fake-board")])
def test_other_shells_are_offered_the_same(checkout: Checkout, shell: str, offer: str) -> None:
    assert offer in "\n".join(offered(checkout, "hil run --board fa", shell))


def test_a_tree_with_mistakes_in_it_is_no_obstacle(checkout: Checkout) -> None:
    (checkout.path / "suites" / "subject" / "test_subject.py").write_text("def test_(:")
    (checkout.path / "pyproject.toml").write_text("[tool.hil\n")
    assert offered(checkout, "hil run --board fa") == []
    assert offered(checkout, "hil run suites/subject/test_subject.py::") == []


def test_bash_itself_takes_the_script(checkout: Checkout) -> None:
    program = checkout.path / "hil"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {shlex.join(HIL)} "$@"\n')
    program.chmod(0o755)
    script = (
        'PATH=$PWD:$PATH; eval "$(hil --show-completion bash)"; '
        "COMP_WORDS=(hil run --board fa); COMP_CWORD=3; _hil_completion hil; echo ${COMPREPLY[@]}"
    )
    bash = ["bash", "--norc", "-c", script]
    done = subprocess.run(bash, cwd=checkout.path, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "fake-board\n", done.stderr
