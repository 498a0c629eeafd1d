"""Several boards, one run: what each can run, one report, the worst exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hil.record import Outcome
from tests.session.scheduler.boards import BOTH

if TYPE_CHECKING:
    from tests.session.scheduler.boards import Boards


def test_a_test_runs_on_every_board_that_can_and_is_told_once_when_none_can(boards: Boards) -> None:
    boards.suite(
        """
        def test_everywhere(monitor): monitor.say(b"here\\n")
        @pytest.mark.needs_linux
        def test_linux(monitor): pass
        @pytest.mark.needs_protected_secure_space
        def test_nowhere(monitor): pass
        """
    )
    done = boards.hil(*BOTH)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(boards.junit) == [
        ("bare.suites.subject.test_subject", "test_everywhere"),
        ("bare.suites.subject.test_subject", "test_nowhere"),
        ("linux.suites.subject.test_subject", "test_everywhere"),
        ("linux.suites.subject.test_subject", "test_linux"),
    ]
    assert boards.cases()["test_nowhere"].reason == "secure_space of this board is unprotected"
    assert "bare   suites/subject/test_subject.py  1 passed" in done.stdout
    assert "2 boards: passed (exit code 0); record in reports/" in done.stdout
    record = boards.record
    assert [board.name for board in record.boards] == ["bare", "linux"]
    assert all(board.provenance.board_file_sha256 for board in record.boards)
    for board in ("bare", "linux"):
        assert (boards.path / "reports" / f"latest-{board}" / board / "monitor.log").read_text()


def test_one_boards_failure_leaves_the_other_alone_and_the_worst_decides(boards: Boards) -> None:
    (boards.path / "boards" / "bare.yaml").write_text(
        (boards.path / "boards" / "bare.yaml").read_text().replace('boot_error: ""', "boot_error: BoardSilent")
    )
    boards.suite("def test_a(monitor): pass\ndef test_b(monitor): assert False, 'wrong level'")
    done = boards.hil(*BOTH, "--json")
    assert done.returncode == 3
    record = json.loads(done.stdout)
    assert record["verdict"] == "infrastructure"
    assert "AssertionError: wrong level" in done.stderr
    assert "bare: suites/subject/test_subject.py::test_a: infrastructure" in done.stderr
    assert [case.outcome for case in boards.cases().values()] == [Outcome.ERROR, Outcome.ERROR]
    assert boards.cases()["test_b"].faults[0].message == "not run, the board failed before: the boot went wrong"
    assert [case.outcome for case in boards.cases("linux").values()] == [Outcome.PASSED, Outcome.FAILED]


def test_a_trace_shows_what_each_board_does_and_a_failure_what_its_board_did(boards: Boards) -> None:
    boards.suite(
        """
        from hil.account import ServiceCall, telling
        from hil.fixtures import attach
        def test_calls(monitor, board):
            print("printed by", board.name)
            attach("who", board.name)
            with telling(ServiceCall("m0", 0xC3000006, (7,))) as told:
                told.registers = ((-18) % (1 << 64), 0, 0, 0, 0, 0, 0, 0)
            assert board.name == "bare"
        """
    )
    done = boards.hil(*BOTH, "--trace")
    refused = "! EL2 CPU 0: DESTROY(handle=7) -> BAD_HANDLE (-18): no live instance has this handle"
    for name in ("bare ", "linux"):
        assert any(f"] {name}  " in line and refused in line for line in done.stdout.splitlines()), done.stdout
    failure = done.stdout.partition("Captured stdout call")[2]
    assert "printed by linux" in failure
    assert refused in failure.partition("Account of the board")[2]
    for name in ("bare", "linux"):
        (kept,) = boards.cases(name)["test_calls"].attempts[-1].attachments
        assert (boards.path / "reports" / "latest" / kept.file).read_text() == name


def test_the_first_failure_stops_all_boards_when_asked_to(boards: Boards) -> None:
    boards.suite("def test_a(monitor): assert False\ndef test_b(monitor): pass")
    done = boards.hil(*BOTH, "-x")
    assert done.returncode == 1
    assert boards.cases()["test_b"].reason == boards.cases("linux")["test_b"].reason
    assert boards.cases()["test_b"].reason == "not run: the run ended before it"
    counts = boards.record.counts
    assert counts.failed + counts.not_run == counts.total == 4  # the other board may not have come to its first test
    assert f"not run: {counts.not_run} (the run ended before it)" in done.stdout
    junit = (boards.path / "reports" / "latest" / "junit.xml").read_text()
    assert junit.count('type="not-run"') == counts.not_run >= 2


def test_mistakes_of_the_user_are_told_in_a_line(boards: Boards) -> None:
    done = boards.hil(*BOTH, "--no-such-option")
    assert done.returncode == 2
    assert "error: there is no option --no-such-option" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    done = boards.hil(*BOTH, "--pdb")
    assert done.returncode == 2
    assert "--pdb is for one board at a time" in done.stderr


def test_a_suite_that_cannot_be_collected_is_an_error_on_each_board(boards: Boards) -> None:
    boards.suite("import no_such_module")
    assert boards.hil(*BOTH).returncode == 2
    assert [case.faults[0].type for case in boards.record.cases] == ["CollectError", "CollectError"]


def test_a_run_goes_on_with_the_card_for_linux_unless_told_otherwise(boards: Boards) -> None:
    bare, linux = (boards.path / "boards" / f"{name}.yaml" for name in ("bare", "linux"))
    bare.write_text(bare.read_text().replace("options:", "options:\n  linux_board: linux"))
    assert boards.hil("run", "--board", "bare").returncode == 0
    assert {case.board for case in boards.record.cases} == {"bare"}, "another machine"
    linux.write_text(linux.read_text().replace("options:", "options:\n  hardware: bare"))
    assert boards.hil("run", "--board", "bare").returncode == 0
    assert {case.board for case in boards.record.cases} == {"bare", "linux"}
    assert boards.hil("run", "--board", "bare", "--no-linux").returncode == 0
    assert {case.board for case in boards.record.cases} == {"bare"}
