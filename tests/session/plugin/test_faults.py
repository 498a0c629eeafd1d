"""Whose fault a failure is decides its outcome, the verdict and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.session.plugin.bench import Bench


def test_a_run_without_trouble_passes_with_0(bench: Bench) -> None:
    result = bench.run("def test_a(monitor): pass")
    assert result.ret == 0
    assert bench.record["verdict"] == "passed"
    assert bench.record["counts"]["passed"] == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("assert 1 == 2, 'the level is 2'", "firmware"),
        ("monitor.fail('Panic', 'BL31 panicked')", "firmware"),
        ("pytest.fail('the level is 2')", "firmware"),
        ("{}['missing']", "test"),
    ],
)
def test_a_broken_promise_is_a_failure_with_1(bench: Bench, body: str, kind: str) -> None:
    result = bench.run(f"def test_a(monitor): {body}")
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    assert bench.record["verdict"] == "findings"
    assert bench.cases["test_a"]["outcome"] == "failed"
    assert bench.cases["test_a"]["faults"][0]["kind"] == kind


@pytest.mark.parametrize(
    "raised",
    ["NotImplementedError('write_timeout')", "AssertionError('a library asserts')", "json.loads('{')", "{}['missing']"],
)
def test_what_a_library_raises_in_a_driver_is_no_finding_and_names_the_driver(bench: Bench, raised: str) -> None:
    result = bench.run(
        f"""
        import attr, json
        from labgrid import Target
        from labgrid.driver import Driver

        @attr.s(eq=False)
        class RelayDriver(Driver):
            def on(self):
                error = {raised}
                raise error

        def test_a(monitor): RelayDriver(Target("main"), "relay").on()
        """
    )
    assert result.ret == 3
    fault = bench.cases["test_a"]["faults"][0]
    assert (fault["kind"], fault["finding"]) == ("infrastructure", False)
    assert fault["message"].startswith(f"RelayDriver failed unexpectedly: {fault['type']}: ")


def test_a_test_that_a_driver_calls_back_is_no_driver(bench: Bench) -> None:
    result = bench.run(
        """
        import attr
        from labgrid import Target
        from labgrid.driver import Driver

        @attr.s(eq=False)
        class RelayDriver(Driver):
            def on(self, then): then()

        def check(): assert 1 == 2, "the level is 2"

        def test_a(monitor): RelayDriver(Target("main"), "relay").on(check)
        """
    )
    assert result.ret == 1
    assert bench.cases["test_a"]["faults"][0]["kind"] == "firmware"


def test_a_response_code_that_the_test_did_not_expect_is_the_firmwares(bench: Bench) -> None:
    result = bench.run(
        """
        from tpm2_pytss import TSS2_Exception
        def test_a(monitor): raise TSS2_Exception(0x101)  # TPM_RC_FAILURE
        """
    )
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    fault = bench.cases["test_a"]["faults"][0]
    assert (fault["kind"], fault["type"], fault["finding"]) == ("firmware", "TSS2_Exception", True)


def test_the_users_mistake_is_an_error_with_2(bench: Bench) -> None:
    result = bench.run("def test_a(monitor): monitor.fail('MissingTool', 'no swtpm here')")
    assert result.ret == 2
    result.assert_outcomes(errors=1)
    assert bench.record["verdict"] == "usage"


def test_an_infrastructure_failure_is_an_error_with_3_and_no_finding(bench: Bench) -> None:
    result = bench.run("def test_a(monitor): monitor.fail('BoardDied', 'the emulator is gone')")
    assert result.ret == 3
    result.assert_outcomes(errors=1, failed=0)
    result.stdout.fnmatch_lines(["*the emulator is gone*"])
    assert bench.record["verdict"] == "infrastructure"
    case = bench.cases["test_a"]
    assert case["outcome"] == "error"
    assert case["faults"][0]["stage"] == "monitor"
    assert case["faults"][0]["hint"] == "look at the cable"


def test_what_the_emulator_wrote_before_it_died_is_in_the_message(bench: Bench) -> None:
    bench.run("def test_a(monitor): monitor.fail('BoardDied', 'QEMU died\\n  stderr: assertion failed')")
    assert bench.cases["test_a"]["faults"][0]["message"] == "QEMU died; stderr: assertion failed"


def test_the_worst_fault_decides_the_exit_code(bench: Bench) -> None:
    result = bench.run(
        """
        def test_finding(monitor): assert False
        def test_lost_board(monitor): monitor.fail('BoardDied', 'gone')
        def test_fine(monitor): pass
        """
    )
    assert result.ret == 3
    result.assert_outcomes(failed=1, errors=1, passed=1)


def test_an_expected_failure_does_not_hide_a_lost_board(bench: Bench) -> None:
    result = bench.run(
        """
        @pytest.mark.xfail(reason="no TZASC")
        def test_finding(monitor): assert False

        @pytest.mark.xfail(reason="no TZASC")
        def test_lost(monitor): monitor.fail('BoardDied', 'gone')
        """
    )
    assert result.ret == 3
    result.assert_outcomes(xfailed=1, errors=1)
    assert bench.cases["test_finding"]["outcome"] == "xfailed"
    assert bench.cases["test_finding"]["reason"] == "no TZASC"


def test_a_lost_board_stops_a_run_that_shall_stop_at_the_first_failure(bench: Bench) -> None:
    bench.run(
        """
        @pytest.mark.xfail(reason="no TZASC")
        def test_lost(monitor): monitor.fail('BoardDied', 'gone')
        def test_next(monitor): pass
        """,
        "-x",
    )
    assert bench.cases["test_next"]["reason"] == "not run: the run ended before it"


def test_an_unexpected_pass_of_a_strict_expected_failure_is_a_finding(bench: Bench) -> None:
    result = bench.run(
        """
        @pytest.mark.xfail(strict=True, reason="no TZASC")
        def test_a(monitor): pass
        """
    )
    assert result.ret == 1
    assert bench.cases["test_a"]["outcome"] == "failed"


def test_a_lost_board_in_teardown_is_not_forgiven_by_a_passed_test(bench: Bench) -> None:
    result = bench.run(
        """
        @pytest.fixture
        def loser(monitor):
            yield
            monitor.fail('ConsoleClosed', 'unplugged')

        def test_a(loser): pass
        """
    )
    assert result.ret == 3
    assert bench.cases["test_a"]["outcome"] == "error"
    assert bench.cases["test_a"]["faults"][0]["phase"] == "teardown"


def test_several_errors_in_teardown_count_as_the_worst_of_them(bench: Bench) -> None:
    result = bench.run(
        """
        @pytest.fixture
        def clumsy():
            yield
            {}['missing']

        @pytest.fixture
        def loser(clumsy, monitor):
            yield
            monitor.fail('ConsoleClosed', 'unplugged')

        def test_a(loser): pass
        """
    )
    assert result.ret == 3


def test_the_outermost_error_of_the_chain_decides(bench: Bench) -> None:
    result = bench.run(
        """
        from hil.errors import BootHang, ConsoleTimeout

        def test_a(monitor):
            raise BootHang("stopped after BL2") from ConsoleTimeout("nothing came")
        """
    )
    assert result.ret == 1


@pytest.mark.parametrize(
    ("boot_error", "code"), [("BoardSilent", 3), ("OSError", 3), ("BootHang", 1), ("MissingTool", 2)]
)
def test_after_a_broken_boot_no_test_is_skipped(bench: Bench, boot_error: str, code: int) -> None:
    bench.board(boot_error=boot_error)
    result = bench.run(
        """
        def test_first(monitor): pass
        def test_second(monitor): pass
        def test_through_labgrid(strategy): pass
        """
    )
    assert result.ret == code
    assert result.parseoutcomes() == {"errors": 1, "blocked": 2}
    for name in ("test_second", "test_through_labgrid"):
        case = bench.cases[name]
        assert case["outcome"] == "error"
        assert case["faults"][0]["message"] == "not run, the board failed before: the boot went wrong"
        assert bench.case(name).is_error


def test_a_suite_that_cannot_be_collected_is_the_users_mistake(bench: Bench) -> None:
    result = bench.run("import no_such_module")
    assert result.ret == 2
    assert bench.record["verdict"] == "usage"


@pytest.mark.parametrize("hook", ["pytest_runtest_logreport(report)", "pytest_collection_modifyitems(items)"])
def test_a_plugin_that_fails_is_never_green(bench: Bench, hook: str) -> None:
    """pytest ends with an internal error, and may have run nothing, or not have noticed what failed."""
    bench.pytester.makepyfile(broken=f"def {hook}: {{}}['missing']")
    bench.pytester.syspathinsert()
    result = bench.run("def test_a(monitor): pass", "-p", "broken")
    assert result.ret == 3
    assert (bench.record["verdict"], bench.record["exit_code"]) == ("infrastructure", 3)


def test_a_selection_of_no_tests_is_the_users_mistake(bench: Bench) -> None:
    assert bench.run("def test_a(): pass", "-k", "nothing").ret == 2


def test_a_missing_board_file_is_named_in_one_line(bench: Bench) -> None:
    result = bench.pytester.runpytest_subprocess("--lg-env", "boards/nosuch.yaml")
    assert result.ret == 2
    result.stderr.fnmatch_lines(["*no board file boards/nosuch.yaml*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_without_a_board_nothing_is_recorded(bench: Bench) -> None:
    bench.pytester.makepyfile("def test_a(): pass")
    result = bench.pytester.runpytest_inprocess()
    assert result.ret == 0
    assert not bench.latest.exists()


def test_a_board_that_is_only_asked_for_its_tests_leaves_no_record(bench: Bench) -> None:
    bench.run("def test_a(monitor): pass", "--collect-only")
    assert not bench.latest.exists()
