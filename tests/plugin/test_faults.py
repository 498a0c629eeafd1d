from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.bench import Bench


def test_run_without_trouble_passes_with_zero(bench: Bench) -> None:
    result = bench.run("def test_a(monitor): pass")
    assert result.ret == 0
    assert bench.record["verdict"] == "passed"


def test_infrastructure_failure_in_a_test_is_an_error_and_no_finding(bench: Bench) -> None:
    result = bench.run("def test_a(monitor): monitor.fail('BoardDied', 'the emulator is gone')")
    assert result.ret == 3
    result.assert_outcomes(errors=1, failed=0)
    assert bench.record["verdict"] == "infrastructure"
    assert bench.cases["test_a"]["outcome"] == "error"
