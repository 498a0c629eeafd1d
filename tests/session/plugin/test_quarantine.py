"""A test in quarantine runs, and does not decide; the quarantine itself cannot rot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hil.record import load
from tests.record.schema import assert_valid
from tests.session.plugin.bench import ARGUMENTS

if TYPE_CHECKING:
    import pytest

    from tests.session.plugin.bench import Bench

SUITE = """
runs = []
def test_good(monitor): pass
def test_bad(monitor): assert False, "wrong level"
def test_well(monitor): pass
def test_now_and_then(monitor):
    runs.append(1)
    assert len(runs) % 2 == 0, "not now"
"""
LATER = "2999-12-31"


def put(bench: Bench, *tests: str, expires: str = LATER, more: str = "") -> None:
    """Put tests in quarantine."""
    (bench.pytester.path / "boards").mkdir(exist_ok=True)
    entries = (
        f'\n[[quarantine]]\ntest = "suites/test_subject.py::{test}"\nowner = "ann"\nreason = "known since May"\n'
        f"expires = {expires}\n{more}\n"
        for test in tests
    )
    (bench.pytester.path / "boards" / "quarantine.toml").write_text("".join(entries))
    (bench.pytester.path / "boards" / "fake.yaml").write_text("")


def test_a_finding_in_quarantine_does_not_decide_the_verdict(bench: Bench) -> None:
    put(bench, "test_bad", "test_well")
    result = bench.run(SUITE, "-k", "not now", "-v")
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1, "quarantined": 2, "deselected": 1}
    result.stdout.fnmatch_lines(
        [
            "*test_bad QUARANTINED (failed)*",
            "*test_well QUARANTINED (passed)*",
            "*test_bad: in quarantine, failed 1 of 1 (ann: known since May)",
        ]
    )
    assert_valid(bench.latest)
    record = load(bench.latest)
    assert (record.verdict, record.counts.passed, record.counts.quarantined) == ("passed", 1, 2)
    bad = bench.cases["test_bad"]
    assert bad["outcome"] == "failed"
    assert bad["faults"][0]["message"].startswith("wrong level")
    assert bad["quarantined"] == {"owner": "ann", "reason": "known since May", "expires": LATER}


def test_a_finding_in_quarantine_does_not_end_a_run_that_ends_with_the_first(bench: Bench) -> None:
    put(bench, "test_bad")
    assert bench.run(SUITE, "-x", "-k", "not now").parseoutcomes()["passed"] == 2


def test_a_lost_board_is_not_excused_by_the_quarantine_of_its_test(bench: Bench) -> None:
    put(bench, "test_lost")
    result = bench.run("def test_lost(monitor): monitor.fail('BoardDied', 'gone')")
    assert result.ret == 3
    assert bench.record["counts"]["infrastructure"] == 1


def test_what_is_known_is_not_tried_again(bench: Bench) -> None:
    put(bench, "test_bad")
    bench.run(SUITE, "-k", "bad", "--retry", "flaky=3")
    assert len(bench.cases["test_bad"]["attempts"]) == 1


def test_the_quarantine_is_verified_by_running_only_what_is_in_it_several_times(bench: Bench) -> None:
    put(bench, "test_bad", "test_well", "test_now*")
    result = bench.run(SUITE, "--verify-quarantine", "--verify-times=4")
    assert result.ret == 0
    assert set(bench.cases) == {"test_bad", "test_well", "test_now_and_then"}
    result.stdout.fnmatch_lines(
        [
            "*test_bad: in quarantine, failed 4 of 4 (ann*",
            "*test_well: in quarantine, passed 4, well again (ann*",
            "*test_now_and_then: in quarantine, failed 2 of 4 (ann*",
        ]
    )
    assert [len(case["attempts"]) for case in bench.record["cases"]] == [4, 4, 4]


def test_an_empty_quarantine_is_well(bench: Bench) -> None:
    assert bench.run(SUITE, "--verify-quarantine").ret == 0


def test_an_entry_holds_on_the_boards_that_it_names(bench: Bench) -> None:
    put(bench, "test_bad", more='board = "fak*"')
    assert bench.run(SUITE, "-k", "bad").ret == 0
    (bench.pytester.path / "boards" / "other.yaml").write_text("")
    put(bench, "test_bad", more='board = "other"')
    assert bench.run(SUITE, "-k", "bad").ret == 1


def test_an_expired_entry_fails_the_run_before_anything_runs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    put(bench, "test_good", "test_bad", expires="2026-05-01")
    bench.write(SUITE)
    result = bench.pytester.runpytest_subprocess(*ARGUMENTS, "suites")
    assert result.ret == 2
    result.stderr.fnmatch_lines(["*quarantine.toml:2: suites/test_subject.py::test_good: expired on 2026-05-01*"])
    assert "Traceback" not in result.stderr.str()
    assert not bench.latest.exists()


def test_an_entry_about_no_test_is_refused_with_its_line(bench: Bench) -> None:
    put(bench, "test_bad", "test_gone")
    result = bench.run(SUITE)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*quarantine.toml:9: suites/test_subject.py::test_gone: there is no such test*"])
    (bench.pytester.path / "suites" / "conftest.py").write_text("")
    file = bench.pytester.path / "boards" / "quarantine.toml"
    file.write_text(file.read_text().replace("test_subject.py::test_gone", "*::test_gone"))
    bench.run(SUITE).stdout.fnmatch_lines(["*quarantine.toml:9: suites/[*]::test_gone: there is no such test*"])


def test_an_entry_may_be_about_files_at_any_depth(bench: Bench) -> None:
    put(bench, "test_bad")
    file = bench.pytester.path / "boards" / "quarantine.toml"
    whole = file.read_text()
    for pattern in ("*", "*.py", "suites/*::test_bad", "*ject.py::test_b*"):
        file.write_text(whole.replace("suites/test_subject.py::test_bad", pattern))
        assert bench.run(SUITE, "-k", "bad").ret == 0


def test_an_entry_about_a_file_that_is_gone_is_refused(bench: Bench) -> None:
    put(bench, "test_bad")
    file = bench.pytester.path / "boards" / "quarantine.toml"
    file.write_text(file.read_text().replace("test_subject", "test_gone"))
    result = bench.run(SUITE)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*test_gone.py::test_bad: there is no such file*"])


def test_an_entry_about_a_test_that_this_run_leaves_out_is_in_order(bench: Bench) -> None:
    put(bench, "test_bad")
    bench.write(SUITE)
    here = bench.pytester.path / "suites" / "test_subject.py"
    (here.parent / "test_other.py").write_text("def test_other(): pass\n")
    for selection in ("suites/test_other.py", f"{here}::test_good"):
        assert bench.pytester.runpytest_inprocess("--lg-env", "fake.yaml", selection).ret == 0
    assert bench.run(SUITE, "-k", "good").ret == 0
