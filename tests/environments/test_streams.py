"""Closed, full and deserted standard streams: a run is recorded all the same, and no output is lost in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.record import Verdict

if TYPE_CHECKING:
    from tests.environments.commands import Commands

ONE = "hil run --board bare --no-build"
TWO = "hil run --board bare --board linux --no-build"


@pytest.mark.parametrize(
    ("run", "streams"), [(ONE, "<&-"), (ONE, ">&-"), (ONE, "2>&-"), (ONE, "<&- >&- 2>&-"), (TWO, "<&- >&- 2>&-")]
)
def test_a_run_with_closed_streams_is_as_any_other(tree: Commands, run: str, streams: str) -> None:
    done = tree.shell(f"{run} {streams}")
    assert (done.returncode, done.stderr) == (0, "")
    assert tree.record.verdict is Verdict.PASSED
    assert (tree.path / "reports" / "latest" / "junit.xml").read_text().startswith("<?xml")
    for log in tree.path.glob("reports/latest/*/monitor.raw"):
        assert log.read_bytes() == b"BL1: hello\n", "what is printed got into a file of the run"


@pytest.mark.parametrize("run", [ONE, TWO])
def test_a_run_goes_on_when_nobody_reads_its_output_any_more(tree: Commands, run: str) -> None:
    tree.suite("def test_a(monitor): pass\ndef test_b(monitor): assert False, 'found'")
    done = tree.shell(f"set -o pipefail; {run} | head -1")
    assert (done.returncode, done.stderr) == (1, "")
    assert tree.record.verdict is Verdict.FINDINGS
    assert len(tree.record.cases) == 2 * len(tree.record.boards)


@pytest.mark.parametrize("run", [ONE, TWO])
def test_a_run_whose_output_has_no_space_is_recorded_and_says_so(tree: Commands, run: str) -> None:
    done = tree.shell(f"{run} >/dev/full")
    assert (done.returncode, done.stderr) == (2, "error: standard output cannot be written: No space left on device\n")
    assert tree.record.verdict is Verdict.PASSED


def test_output_for_programs_is_whole_or_the_command_fails(tree: Commands) -> None:
    for command in ("boards", "boards --json"):
        full = tree.shell(f"hil {command} >/dev/full")
        assert full.returncode == 2
        assert full.stderr == "error: standard output cannot be written: No space left on device\n"
        deserted = tree.shell(f"set -o pipefail; hil {command} | true")
        assert (deserted.returncode, deserted.stderr) == (0, "")
