"""JUnit for those who read nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.session.plugin.bench import Bench


def test_findings_are_failures_and_lost_boards_are_errors(bench: Bench) -> None:
    bench.run(
        """
        def test_good(monitor): pass
        def test_bad(monitor): assert False, "wrong level"
        def test_lost(monitor): monitor.fail('BoardDied', 'gone')
        @pytest.mark.skip(reason="not today")
        def test_none(monitor): pass
        @pytest.mark.xfail(reason="no TZASC")
        def test_expected(monitor): assert False
        """
    )
    suite = next(iter(bench.junit))
    assert suite.name == "fake.subject"
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 1, 2)
    assert _result(bench, "test_bad") == ("failure", "AssertionError", "wrong level")
    assert _result(bench, "test_lost") == ("error", "infrastructure", "gone")
    assert _result(bench, "test_none") == ("skipped", "skip", "not today")
    assert _result(bench, "test_expected") == ("skipped", "xfail", "no TZASC")


def test_every_suite_names_board_levels_and_firmware(bench: Bench) -> None:
    manifest = {
        "firmware_hash": "f00d",
        "inputs": {"linux-image-6.12-arm64": "6.12.1-1", "openssl": "3"},
        "build_ids": {"service": "0123456789ab", "monitor": "0123456789ab"},
    }
    bench.write_manifest(json.dumps(manifest))
    bench.run("def test_a(monitor): pass")
    suite = {entry.name: entry.value for entry in next(iter(bench.junit)).properties()}
    assert (
        suite.items()
        >= {
            "board": "fake",
            "firmware_hash": "f00d",
            "kernel": "linux-image-6.12-arm64 6.12.1-1",
            "exception_level": "EL3 (service), EL2 (monitor), EL1 (agents)",
        }.items()
    )
    assert {"run", "board_file", "version.pytest"} <= set(suite)


@pytest.mark.parametrize(
    ("boots_into", "parts", "levels"),
    [
        ("linux", ["service", "monitor", "linux"], "EL3 (service), EL2 (KVM), EL1 (Linux)"),
        ("monitor", ["monitor"], "EL2 (monitor), EL1 (agents)"),
        ("linux", [], None),
        ("uboot", ["service"], None),
    ],
)
def test_only_firmware_of_ours_is_said_to_run_at_a_level(
    bench: Bench, boots_into: str, parts: list[str], levels: str | None
) -> None:
    bench.board(boots_into=boots_into)
    bench.write_manifest(json.dumps({"firmware_hash": "f00d", "build_ids": dict.fromkeys(parts, "0123456789ab")}))
    bench.run("def test_a(board): pass")
    suite = {entry.name: entry.value for entry in next(iter(bench.junit)).properties()}
    assert suite.get("exception_level") == levels


def test_a_case_carries_what_the_consoles_said_during_it_and_nothing_else(bench: Bench) -> None:
    bench.run(
        """
        def test_a(monitor): monitor.say(b"from a\\n")
        def test_b(monitor): monitor.say(b"from b\\n")
        """
    )
    first, second = (bench.case(name).system_out for name in ("test_a", "test_b"))
    assert "--- monitor ---" in first
    assert "BL1: hello" in first
    assert "from a" in first
    assert "from b" not in first
    assert "from b" in second
    assert "from a" not in second


def test_control_bytes_and_broken_utf8_do_not_break_the_xml(bench: Bench) -> None:
    bench.run(
        r"""
        def test_a(monitor):
            monitor.say(bytes(range(256)) + b"\xed\xa0\x80\xf4\x90\x80\x80\n")
            assert False, "bell \x07, escape \x1b[31m, half a pair \ud800, end \uffff ]]>"
        """
    )
    case = bench.case("test_a")
    assert r"\x07" in case.system_out
    assert r"bell \x07, escape \x1b[31m, half a pair \ud800, end \uffff ]]>" in case.result[0].message


def test_hostile_parameter_names_do_not_break_the_xml(bench: Bench) -> None:
    bench.run(
        r"""
        @pytest.mark.parametrize("what", ["<&\"'>", "\x00\x1b", "ä€"])
        def test_a(monitor, what): pass
        """
    )
    assert bench.junit.tests == 3


def _result(bench: Bench, name: str) -> tuple[str, str, str]:
    (result,) = bench.case(name).result
    return str(result._tag), result.type, result.message.partition("\n")[0]
