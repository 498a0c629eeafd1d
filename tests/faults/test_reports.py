"""One fault of each kind in a run on the real firmware: all reports say whose it is, where, and where to look first."""

from __future__ import annotations

import html
import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from junitparser import JUnitXml

from hil.errors import ExitCode
from hil.record import FaultKind, Verdict, load
from tests.faults.tree import BUILD, RUN, planted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from hil.record import Record
    from tests.cli.checkout import Checkout

pytestmark = pytest.mark.emulator

SUITE = f"""
import os
import signal
from pathlib import Path

from hil.deadline import Deadline
from hil.target.monitor import Program
from hil.target.vtpm import Service
from tests.simulators.damage import LOOP, UNDEFINED, address_of, overwrite

BL31 = Path({str(BUILD / "bl31.elf")!r})


def test_emulator(board, monitor):
    os.kill(board.strategy.board.emulator.pid, signal.SIGKILL)
    Service(monitor).limits()


def test_panic(board, monitor):
    overwrite(board.strategy.board, address_of(BL31, "vtpm_dispatch"), UNDEFINED)
    Service(monitor).limits()


def test_guest(monitor):
    program = Program()
    program.execute(int.from_bytes(LOOP, "little"))
    monitor.create_vm().agent().run(program, deadline=Deadline.after(1)).require()


def test_assertion(service):
    assert service.version().major == 99


def test_flaky(service, tmp_path_factory):
    first = Path("first-attempt")
    if not first.exists():
        first.touch()
        assert service.limits().instances == 0


def test_usage(board):
    board.strategy.transition("linux")
"""
"""Each test has one fault."""


@dataclass(frozen=True)
class Expected:
    """What reports must say about one fault; `first` is what to look at first."""

    code: ExitCode
    verdict: Verdict
    kind: FaultKind
    type: str
    message: str
    first: str
    stage: str = "monitor"
    options: tuple[str, ...] = field(default=())


FAULTS = {
    "emulator": Expected(
        ExitCode.INFRASTRUCTURE,
        Verdict.INFRASTRUCTURE,
        FaultKind.INFRASTRUCTURE,
        "BoardDied",
        "QEMU was killed by SIGKILL",
        "who killed it?",
    ),
    "panic": Expected(
        ExitCode.FINDINGS,
        Verdict.FINDINGS,
        FaultKind.FIRMWARE,
        "Panic",
        "the firmware panicked: Unhandled Exception in EL3.",
        "see vtpm_dispatch in firmware/service/core/dispatch.c:",
    ),
    "guest": Expected(
        ExitCode.FINDINGS,
        Verdict.FINDINGS,
        FaultKind.FIRMWARE,
        "RanTooLong",
        "the guest hangs: it did not return to its agent in time, and was stopped at PC 0x",
        "check the last instruction",
    ),
    "assertion": Expected(
        ExitCode.FINDINGS,
        Verdict.FINDINGS,
        FaultKind.FIRMWARE,
        "AssertionError",
        "== 99",
        "suites/subject/test_subject.py:",
    ),
    "flaky": Expected(
        ExitCode.PASSED,
        Verdict.FLAKY,
        FaultKind.FIRMWARE,
        "AssertionError",
        "== 0",
        "suites/subject/test_subject.py:",
        options=("--retry", "flaky=1"),
    ),
    "usage": Expected(
        ExitCode.USAGE,
        Verdict.USAGE,
        FaultKind.USAGE,
        "UsageError",
        "the board has no state `linux`",
        "it has off, flashed, firmware, monitor",
        stage="off",
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return planted(tmp_path_factory.mktemp("tree"), SUITE)


def check_record(record: Record, expected: Expected) -> None:
    assert record.verdict is expected.verdict
    assert record.exit_code == expected.code
    (case,) = record.cases
    fault = case.attempts[0].faults[0]
    assert (fault.kind, fault.type, fault.stage) == (expected.kind, expected.type, expected.stage)
    assert expected.message in fault.message
    if expected.kind is FaultKind.FIRMWARE and expected.type == "Panic":
        assert fault.crash
        assert fault.crash.places[0].function == "vtpm_dispatch"


def check_junit(directory: Path, expected: Expected) -> None:
    (case,) = (case for suite in JUnitXml.fromfile(str(directory / "junit.xml")) for case in suite)
    finding = expected.kind is FaultKind.FIRMWARE
    tag = "flakyFailure" if expected.verdict is Verdict.FLAKY else "failure" if finding else "error"
    (element,) = case._elem.iter(tag)
    assert element.get("type") == (expected.type if finding else expected.kind.value)
    assert expected.message in element.get("message")
    text = "".join(element.itertext())
    assert f"at stage {expected.stage}" in text
    assert expected.first in text


def words(page: str) -> str:
    """Return what a person reads of a piece of HTML."""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", page)).split())


@pytest.fixture(scope="module")
def runs(tree: Checkout) -> Iterator[dict[str, Future[CompletedProcess[str]]]]:
    """The runs, two at a time, each with a folder of reports of its own."""
    with ThreadPoolExecutor(2) as pool:
        yield {
            name: pool.submit(tree.hil, *RUN, f"--hil-reports={name}", *one.options, id_of(name))
            for name, one in FAULTS.items()
        }


def id_of(name: str) -> str:
    return f"suites/subject/test_subject.py::test_{name}"


@pytest.mark.parametrize("name", FAULTS)
def test_all_reports_say_whose_fault_it_is_and_where_to_look_first(
    tree: Checkout, runs: dict[str, Future[CompletedProcess[str]]], name: str
) -> None:
    expected, test, done = FAULTS[name], id_of(name), runs[name].result()
    assert done.returncode == expected.code, done.stdout + done.stderr

    directory = (tree.path / name / "latest").resolve()
    record = load(directory)
    check_record(record, expected)
    check_junit(directory, expected)

    told = done.stdout[done.stdout.rindex(f"{test}: ") :]
    kind = expected.verdict.value if expected.verdict is Verdict.FLAKY else expected.kind.value
    assert told.startswith(f"{test}: {kind}")
    assert expected.message in told
    assert f"at stage {expected.stage}" in told
    assert expected.first in told

    first = words((directory / "report.html").read_text().partition("Look at first")[2].partition("<h2")[0])
    assert re.search(rf"\b{kind}\b.*\bqemu-virt\b.*\bstage {expected.stage}\b", first)
    assert expected.message in first
    assert expected.first in first
