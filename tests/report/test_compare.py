"""Comparing two runs shows what got worse first, and blames neither the lab's faults nor a busy machine on a test."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from rich.console import Console

from hil.record import Fault, FaultKind, Quarantine
from hil.report.changes import SHOWN, changes
from hil.report.compare import Change, Comparison, compare
from tests.report.runs import BROKEN, FILE, LOST, Lab, case

if TYPE_CHECKING:
    from pathlib import Path

    from hil.record import Case


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def compared(lab: Lab, before: list[Case], after: list[Case]) -> Comparison:
    return compare(lab.run(*before), lab.run(*after))


def shown(found: Comparison) -> list[str]:
    console = Console(width=200, highlight=False, soft_wrap=True)
    with console.capture() as output:
        console.print(changes(found))
    return [line.rstrip() for line in output.get().splitlines()]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("passed", "failed", Change.NEW_FAILURE),
        ("skipped", "failed", Change.NEW_FAILURE),
        ("lost", "failed", Change.NEW_FAILURE),
        ("flaky", "failed", Change.NEW_FAILURE),
        ("", "failed", Change.NEW_FAILURE),
        ("passed", "flaky", Change.NEWLY_FLAKY),
        ("failed", "flaky", Change.NEWLY_FLAKY),
        ("passed", "lost", Change.LOST),
        ("failed", "lost", Change.LOST),
        ("failed", "failed", Change.STILL_FAILING),
        ("failed", "passed", Change.FIXED),
        ("flaky", "passed", Change.OTHER),
        ("passed", "skipped", Change.PUT_ASIDE),
        ("lost", "skipped", Change.OTHER),
        ("passed", "xfailed", Change.OTHER),
        ("", "passed", Change.NEW),
        ("passed", "", Change.REMOVED),
        ("passed", "passed", None),
        ("lost", "lost", None),
        ("flaky", "flaky", None),
    ],
)
def test_each_pair_of_outcomes_has_a_name(lab: Lab, before: str, after: str, change: Change | None) -> None:
    runs = [[case("test_other", "passed"), *([case("test_a", word)] if word else [])] for word in (before, after)]
    found = compared(lab, *runs)
    assert [one.change for one in found.differences] == ([change] if change else [])
    assert found.worse is (change in {Change.NEW_FAILURE, Change.NEWLY_FLAKY, Change.REMOVED, Change.PUT_ASIDE})


@pytest.mark.parametrize(
    ("message", "change"),
    [("assert 1 == 3 at 0xdeadbeef", Change.STILL_FAILING), ("no answer", Change.OTHER_FAILURE)],
)
def test_numbers_in_a_message_do_not_make_another_failure(lab: Lab, message: str, change: Change) -> None:
    faults = [
        Fault(FaultKind.FIRMWARE, "call", "Broken", text, finding=True) for text in ("assert 1 == 2 at 0x0", message)
    ]
    found = compared(lab, *([case("test_a", "failed", fault=fault)] for fault in faults))
    assert [one.change for one in found.differences] == [change]


def test_what_fails_in_quarantine_makes_no_run_worse(lab: Lab) -> None:
    kept = replace(case("test_a", "failed"), quarantined=Quarantine("me", "known", "2030-01-01"))
    found = compared(lab, [case("test_a", "passed")], [kept])
    assert [(one.change, one.after) for one in found.differences] == [(Change.OTHER, "quarantined")]
    assert not found.worse


def test_one_board_is_compared_with_another_one(lab: Lab) -> None:
    found = compared(lab, [case("test_a", "passed", board="qemu-virt")], [case("test_a", "failed", board="rpi4")])
    (one,) = found.differences
    assert (one.change, one.board) == (Change.NEW_FAILURE, "rpi4")
    assert found.boards == (("qemu-virt", "rpi4"),)


def test_boards_of_runs_on_several_are_compared_by_name(lab: Lab) -> None:
    before = [case("test_a", "passed", board=board) for board in ("rpi4", "juno")]
    after = [case("test_a", "failed", board="juno"), case("test_a", "passed", board="twin")]
    found = compared(lab, before, after)
    assert {(one.board, one.change) for one in found.differences} == {
        ("rpi4", Change.REMOVED),
        ("juno", Change.NEW_FAILURE),
        ("twin", Change.NEW),
    }
    assert found.boards == (("rpi4", ""), ("juno", "juno"), ("", "twin"))
    assert "\n".join(
        ["rpi4: in the first run only", "juno: new failures: 1", "twin: in the second run only"]
    ) in "\n".join(shown(found))


def test_what_was_always_fast_is_slower_when_it_is_not(lab: Lab) -> None:
    for seconds in (1.0, 1.2, 0.9):
        before = lab.run(case("test_a", "passed", seconds=seconds))
    found = compare(before, lab.run(case("test_a", "passed", seconds=4.0)))
    (one,) = found.slower
    assert (one.what, one.usual, one.runs, one.ratio) == (f"{FILE}::test_a", 1.0, 3, 4.0)


def test_what_took_as_long_before_is_not_slower(lab: Lab) -> None:
    for seconds in (1.0, 5.0, 1.0):
        before = lab.run(case("test_a", "passed", seconds=seconds))
    assert not compare(before, lab.run(case("test_a", "passed", seconds=4.0))).slower


@pytest.mark.parametrize(("before", "after"), [(0.1, 0.9), (10.0, 14.0)])
def test_little_more_is_not_slower(lab: Lab, before: float, after: float) -> None:
    found = compared(lab, [case("test_a", "passed", seconds=before)], [case("test_a", "passed", seconds=after)])
    assert not found.slower


def test_a_slower_stage_is_told_too(lab: Lab) -> None:
    lab.stages = {"monitor": 2.0}
    before = lab.run(case("test_a", "passed"))
    lab.stages = {"monitor": 9.0}
    (one,) = compare(before, lab.run(case("test_a", "passed"))).slower
    assert (one.what, one.board, one.ratio) == ("monitor", "rpi4", 4.5)


def test_the_pace_of_the_machine_is_told(lab: Lab) -> None:
    runs = [[case(f"test_{n}", "passed", seconds=seconds) for n in range(5)] for seconds in (1.0, 1.4)]
    assert compared(lab, *runs).pace == 1.4


def test_other_firmware_and_tools_are_told(lab: Lab) -> None:
    before = lab.run(case("test_a", "passed"))
    lab.firmware = "b" * 64
    lab.qemu = "11"
    found = compare(before, lab.run(case("test_a", "passed")))
    assert {(one.what, one.before, one.after) for one in found.origins} == {
        ("firmware_hash", "a" * 64, "b" * 64),
        ("versions.qemu", "10", "11"),
    }
    assert "  rpi4  firmware_hash  aaaaaaaaaaaa → bbbbbbbbbbbb" in shown(found)


def test_commits_between_the_runs_are_named(lab: Lab, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        command = ["git", *who, *arguments]
        own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        return subprocess.run(command, cwd=tree, env=own, capture_output=True, text=True, check=True).stdout.strip()

    git("init")
    runs = []
    for subject in ("First", "Second", "Third"):
        git("commit", "--allow-empty", "-m", subject)
        lab.commit = git("rev-parse", "HEAD")
        runs.append(lab.run(case("test_a", "passed")))
    found = compare(runs[0], runs[2], tree=tree).commits
    assert [told.partition(" ")[2] for told in found.told] == ["Third", "Second"]
    assert (found.total, found.behind) == (2, 0)
    assert compare(runs[2], runs[0], tree=tree).commits.behind == 2
    lab.commit = "d" * 40
    assert compare(runs[0], lab.run(case("test_a", "passed")), tree=tree).commits.total == -1


def test_the_worst_is_printed_first(lab: Lab) -> None:
    before = [case("test_fixed", "failed"), case("test_broken", "passed"), case("test_same", "passed")]
    after = [case("test_fixed", "passed"), case("test_broken", "failed"), case("test_same", "passed")]
    lines = shown(compared(lab, before, after))
    assert lines.index("new failures: 1") < lines.index("fixed: 1")
    assert f"  {FILE}::test_broken  passed → failed" in lines
    assert f"      AssertionError: {BROKEN.message}" in lines
    assert lines[-1] == "as before: 1"


def test_many_tests_that_did_not_run_are_counted_by_file(lab: Lab) -> None:
    before = [case(f"test_{n}", "passed") for n in range(SHOWN + 5)]
    lines = shown(compared(lab, before, before[:1]))
    assert f"tests that did not run: {SHOWN + 4}" in lines
    assert f"  rpi4: {FILE}  {SHOWN + 4}" in lines


def test_a_lost_board_tells_why(lab: Lab) -> None:
    assert f"      BoardDied: {LOST.message}" in shown(compared(lab, [case("a", "passed")], [case("a", "lost")]))
