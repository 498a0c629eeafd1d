"""What a board cannot run is skipped, or expected to fail, for the reason in its board file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.session.plugin.bench import Bench

NEEDY = """
@pytest.mark.needs_protected_secure_space
def test_a(monitor): pass
"""

HONEST = """
@pytest.mark.fails_without("protected_secure_space")
def test_a(monitor): assert False, "secure memory was read"
"""


def test_a_need_is_skipped_with_the_reason_of_the_board_file(bench: Bench) -> None:
    bench.board(features="secure_space: unprotected")
    result = bench.run(NEEDY)
    assert result.parseoutcomes() == {"unsupported": 1}
    assert bench.cases["test_a"]["reason"] == "there is no TZASC"
    assert bench.cases["test_a"]["unfit"]
    assert bench.record["counts"]["unfit"] == 1


def test_what_is_for_other_boards_is_told_apart_from_what_is_skipped(bench: Bench) -> None:
    result = bench.run(NEEDY + "@pytest.mark.skip(reason='not today')\ndef test_b(monitor): pass", "-v")
    assert result.parseoutcomes() == {"unsupported": 1, "skipped": 1}
    result.stdout.fnmatch_lines(
        ["*test_a UNSUPPORTED*", "*test_b SKIPPED (not today)*", "for other boards: 1 (there is no*"]
    )
    assert (bench.record["counts"]["unfit"], bench.record["counts"]["skipped"]) == (1, 1)
    kinds = {name: bench.case(name).result[0].type for name in ("test_a", "test_b")}
    assert kinds == {"test_a": "unfit", "test_b": "skip"}


def test_a_need_that_the_board_meets_runs(bench: Bench) -> None:
    bench.board(features="secure_space: protected")
    bench.run(NEEDY).assert_outcomes(passed=1)


def test_a_board_for_some_suites_leaves_the_others_to_other_boards(bench: Bench) -> None:
    bench.board(suites="direct")
    assert bench.run("def test_a(monitor): pass").parseoutcomes() == {"unsupported": 1}
    assert bench.cases["test_a"]["reason"] == "this board is for direct"
    assert bench.cases["test_a"]["unfit"]
    bench.board(suites="direct, subject")
    bench.run("def test_a(monitor): pass").assert_outcomes(passed=1)


def test_an_expected_failure_names_the_hardware_fact(bench: Bench) -> None:
    result = bench.run(HONEST)
    result.assert_outcomes(xfailed=1)
    assert bench.cases["test_a"]["reason"] == "there is no TZASC"


def test_a_board_with_the_feature_may_not_fail(bench: Bench) -> None:
    bench.board(features="secure_space: protected")
    bench.run(HONEST).assert_outcomes(failed=1)


def test_what_passes_although_the_board_cannot_protect_is_a_finding(bench: Bench) -> None:
    """Either the board can do more than its file says, or the test does not see what it should."""
    bench.board(features="secure_space: unprotected")
    result = bench.run(HONEST.replace("assert False", "assert True"))
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    assert bench.record["verdict"] == "findings"
    fault = bench.cases["test_a"]["faults"][0]
    assert (fault["type"], fault["finding"]) == ("XPASS", True)
    assert "there is no TZASC" in fault["message"]


def test_a_misspelt_need_is_refused_with_the_nearest_name(bench: Bench) -> None:
    result = bench.run("@pytest.mark.needs_protected_secure_spcae\ndef test_a(monitor): pass")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*protected_secure_spcae*try protected_secure_space*"])
    assert bench.record["verdict"] == "usage"


def test_what_needs_another_end_of_the_boot_is_skipped(bench: Bench) -> None:
    suite = """
    def test_a(monitor): pass
    def test_b(host): pass
    def test_c(board): board.transition("monitor")
    """
    bench.board(boots_into="linux")
    assert bench.run(suite, "-k", "not test_b").parseoutcomes() == {"unsupported": 2, "deselected": 1}
    assert bench.cases["test_a"]["reason"] == "this board has no state `monitor`; it has firmware, linux"
    bench.board()
    assert bench.run(suite).parseoutcomes() == {"passed": 2, "unsupported": 1}


def test_claims_are_in_record_and_junit(bench: Bench) -> None:
    bench.run(
        """
        @pytest.mark.element("E3")
        @pytest.mark.threat(2)
        def test_a(monitor): pass
        """
    )
    assert bench.cases["test_a"]["properties"] == [["element", "E3"], ["threat", "2"]]
    assert bench.case_properties("test_a").items() >= {"element": "E3", "threat": "2"}.items()


def test_figures_that_a_test_records_are_kept_with_it(bench: Bench) -> None:
    bench.run("""
        def test_a(record_property):
            record_property("stack, bytes used", 960)
    """)
    assert bench.case_properties("test_a")["stack, bytes used"] == "960"
