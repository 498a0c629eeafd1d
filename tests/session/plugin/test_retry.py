"""A test that did not pass runs again, from the beginning, and is never plainly green afterwards."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from hil.record import load
from tests.record.schema import assert_valid

if TYPE_CHECKING:
    from tests.session.plugin.bench import Bench

COUNTING = """
runs = []
def nth(name):
    runs.append(name)
    return runs.count(name)
"""

FLAKY = (
    COUNTING
    + """
def test_steady(monitor): pass
def test_flaky(monitor):
    monitor.say(b"run %d\\n" % nth("flaky"))
    assert runs.count("flaky") == 3, "not yet"
"""
)


def test_a_test_that_passes_late_is_flaky_and_all_its_attempts_are_kept(bench: Bench) -> None:
    result = bench.run(FLAKY, "--retry", "flaky=2")
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1, "flaky": 1, "retried": 2}
    assert_valid(bench.latest)
    record = load(bench.latest)
    assert (record.verdict, record.counts.flaky, record.counts.passed) == ("flaky", 1, 1)
    flaky = record.cases[1]
    assert flaky.outcome == "flaky"
    assert flaky.fault is None
    assert [attempt.outcome for attempt in flaky.attempts] == ["failed", "failed", "passed"]
    assert [fault.message.partition("\n")[0] for attempt in flaky.attempts for fault in attempt.faults] == [
        "not yet"
    ] * 2
    for number, attempt in enumerate(flaky.attempts, 1):
        (said,) = attempt.console
        assert f"run {number}" in said.text
        assert f"run {number - 1}" not in said.text
    assert record.started <= flaky.attempts[0].started <= flaky.attempts[1].started <= record.finished
    assert [len(case.attempts) for case in record.cases] == [1, 3]


def test_a_flaky_test_fails_the_run_when_asked_to(bench: Bench) -> None:
    assert bench.run(FLAKY, "--retry=flaky=2", "--fail-on-flaky").ret == 1
    assert (bench.record["verdict"], bench.record["exit_code"]) == ("flaky", 1)


def test_a_flaky_test_is_named_where_one_looks(bench: Bench) -> None:
    result = bench.run(FLAKY, "--retry", "flaky=2", "-v")
    result.stdout.fnmatch_lines(
        ["*test_flaky RETRIED*", "*test_flaky FLAKY*", "*test_flaky: flaky, passed at attempt 3*", "  not yet*"]
    )


def test_a_test_of_parts_is_flaky_when_one_of_them_passes_late(bench: Bench) -> None:
    suite = """
    def test_a(monitor, subtests):
        runs.append("a")
        for part in range(3):
            with subtests.test(part=part):
                assert part != 1 or len(runs) == 2, "not yet"
    """
    result = bench.run(COUNTING + dedent(suite), "--retry", "flaky=1")
    assert result.ret == 0
    assert (bench.record["verdict"], bench.cases["test_a"]["outcome"]) == ("flaky", "flaky")


def test_what_never_passes_is_a_finding_with_every_attempt(bench: Bench) -> None:
    result = bench.run("def test_a(monitor): assert False, 'wrong level'", "--retry", "infra=5,flaky=2")
    assert result.ret == 1
    assert bench.cases["test_a"]["outcome"] == "failed"
    assert [attempt["fault"] for attempt in bench.cases["test_a"]["attempts"]] == ["firmware"] * 3


def test_a_lost_board_starts_anew_for_the_next_attempt(bench: Bench) -> None:
    suite = """
    def test_lost(monitor):
        monitor.say(b"here\\n")
        if nth("lost") < 3:
            monitor.fail('BoardDied', 'gone')
    """
    result = bench.run(COUNTING + dedent(suite), "--retry", "infra=2")
    assert result.ret == 0
    assert bench.record["verdict"] == "flaky"
    assert [attempt["fault"] for attempt in bench.cases["test_lost"]["attempts"]] == ["infrastructure"] * 2 + [""]
    said = (bench.latest / "fake" / "monitor.log").read_text()
    assert said.count("# power off") == 3
    assert said.count("BL1: hello") == 3


def test_a_board_that_stays_lost_keeps_its_exit_code(bench: Bench) -> None:
    result = bench.run("def test_a(monitor): monitor.fail('BoardDied', 'gone')", "--retry", "infra=1,flaky=5")
    assert result.ret == 3
    assert bench.record["verdict"] == "infrastructure"
    assert len(bench.cases["test_a"]["attempts"]) == 2


@pytest.mark.parametrize("order", ["lost wrong", "wrong lost"])
def test_each_kind_of_failure_has_retries_of_its_own(bench: Bench, order: str) -> None:
    suite = f"""
    def test_a(monitor):
        match ("{order} good".split()[nth("a") - 1]):
            case "lost": monitor.fail('BoardDied', 'gone')
            case "wrong": assert False, "wrong level"
    """
    result = bench.run(COUNTING + dedent(suite), "--retry", "infra=1,flaky=1")
    assert result.ret == 0
    assert bench.record["verdict"] == "flaky"
    assert len(bench.cases["test_a"]["attempts"]) == 3


def test_a_boot_that_broke_the_board_is_tried_again_and_then_blocks_the_rest(bench: Bench) -> None:
    bench.board(boot_error="BoardSilent")
    result = bench.run("def test_a(monitor): pass\ndef test_b(monitor): pass", "--retry", "infra=2")
    assert result.ret == 3
    assert result.parseoutcomes() == {"errors": 1, "blocked": 1, "retried": 2}
    assert len(bench.cases["test_a"]["attempts"]) == 3
    assert bench.cases["test_b"]["attempts"] == []


def test_a_board_that_was_broken_through_labgrid_starts_anew_too(bench: Bench) -> None:
    suite = """
    def test_a(strategy):
        if nth("boot") == 1:
            strategy.boot_error = "BoardSilent"
        strategy.transition("monitor")
        assert strategy.stage == "monitor"
    @pytest.fixture(autouse=True)
    def repaired(strategy):
        yield
        strategy.boot_error = ""
    """
    result = bench.run(COUNTING + dedent(suite), "--retry", "infra=1")
    assert result.ret == 0
    assert [attempt["fault"] for attempt in bench.cases["test_a"]["attempts"]] == ["infrastructure", ""]


def test_a_board_that_cannot_be_switched_off_is_not_tried_again_and_blamed(bench: Bench) -> None:
    suite = """
    from hil.errors import PowerFailed
    def test_a(monitor, board):
        def refuse(status): raise PowerFailed("the power switch does not answer")
        board.strategy.force = refuse
        assert False, "wrong level"
    """
    result = bench.run(suite, "--retry", "flaky=3")
    assert result.ret == 3
    assert [fault["message"] for fault in bench.record["faults"]] == ["the power switch does not answer"]
    assert [attempt["fault"] for attempt in bench.cases["test_a"]["attempts"]] == ["firmware"]


@pytest.mark.parametrize("fault", ["MissingTool", "Panic"])
def test_only_what_may_go_otherwise_is_tried_again(bench: Bench, fault: str) -> None:
    bench.run(f"def test_a(monitor): monitor.fail('{fault}', 'as ever')", "--retry", "infra=3")
    assert len(bench.cases["test_a"]["attempts"]) == 1


def test_fixtures_are_made_anew_for_each_attempt_and_those_that_failed_too(bench: Bench) -> None:
    suite = """
    @pytest.fixture(scope="session")
    def failing_once():
        if nth("failing") == 1:
            raise OSError("not yet")
    @pytest.fixture(scope="session")
    def lasting(): nth("session")
    @pytest.fixture(scope="module")
    def shared():
        nth("module")
        yield
        nth("module ends")
    @pytest.fixture
    def own():
        nth("function")
        yield
        nth("function ends")
    def test_a(monitor, lasting, shared, own, failing_once, record_property):
        record_property("run", nth("test"))
        assert runs.count("test") == 2
    def test_b(shared, lasting): pass
    def test_c():
        counts = {name: runs.count(name) for name in sorted(set(runs))}
        assert counts == {"failing": 2, "function": 2, "function ends": 2, "module": 2, "module ends": 1,
                          "session": 1, "test": 2}
    """
    result = bench.run(COUNTING + dedent(suite), "--retry", "flaky=2")
    assert result.parseoutcomes() == {"passed": 2, "flaky": 1, "retried": 2}
    assert bench.cases["test_a"]["properties"] == [["run", "2"]]


def test_a_fixture_of_the_session_that_failed_is_made_anew_only_for_another_attempt(bench: Bench) -> None:
    suite = """
    @pytest.fixture(scope="session")
    def failing():
        raise OSError(f"time {nth('failing')}")
    def test_a(failing): pass
    def test_b(failing): pass
    """
    bench.run(COUNTING + dedent(suite), "--retry", "flaky=1")
    attempts = [attempt for case in load(bench.latest).cases for attempt in case.attempts]
    assert [attempt.faults[0].message for attempt in attempts] == ["time 1", "time 2", "time 2", "time 3"]


def test_what_teardown_loses_is_tried_again_also_in_the_last_test(bench: Bench) -> None:
    suite = """
    @pytest.fixture
    def loser(monitor):
        yield
        if nth("loser") == 1:
            monitor.fail('ConsoleClosed', 'unplugged')
    def test_a(loser): pass
    """
    result = bench.run(COUNTING + dedent(suite), "--retry", "infra=1")
    assert result.ret == 0
    assert [attempt["fault"] for attempt in bench.cases["test_a"]["attempts"]] == ["infrastructure", ""]


def test_the_board_is_off_when_the_last_test_had_all_its_chances(bench: Bench) -> None:
    bench.run("def test_a(monitor): assert False", "--retry", "flaky=1")
    assert (bench.latest / "fake" / "monitor.log").read_text().rstrip().endswith("# power off")


def test_the_first_failure_ends_the_run_only_after_its_last_attempt(bench: Bench) -> None:
    bench.run(FLAKY + "def test_bad(monitor): assert False\ndef test_never(monitor): pass", "-x", "--retry", "flaky=2")
    assert bench.cases["test_flaky"]["outcome"] == "flaky"
    assert len(bench.cases["test_bad"]["attempts"]) == 3
    assert bench.cases["test_never"]["attempts"] == []


def test_an_expected_failure_needs_no_second_chance(bench: Bench) -> None:
    result = bench.run("@pytest.mark.xfail\ndef test_a(monitor): assert False", "--retry", "flaky=2")
    result.assert_outcomes(xfailed=1)
    assert len(bench.cases["test_a"]["attempts"]) == 1


@pytest.mark.parametrize("given", ["", "infra", "infra=x", "infra=-1", "more=1", "infra=1,infra=2", "flaky=101"])
def test_a_mistaken_option_is_told_with_an_example(bench: Bench, given: str) -> None:
    result = bench.run("def test_a(): pass", f"--retry={given}")
    assert result.ret != 0
    result.stderr.fnmatch_lines(["*--retry infra=2,flaky=1*"])
    assert not bench.latest.exists()
