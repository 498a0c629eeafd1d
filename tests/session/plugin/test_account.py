"""What a test prints, logs, keeps and does on the board is in the record, in JUnit, in the page and the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hil.record import load
from hil.session.plugin.attachments import MOST_BYTES, MOST_FILES
from tests.record.schema import assert_valid
from tests.report.parsed import Parsed

if TYPE_CHECKING:
    from typing import Any

    from tests.session.plugin.bench import Bench

SPEAKS = """
import logging
import sys
from hil.account import ServiceCall, TpmCommand, telling
from hil.target.tpm import commands

def call(status):
    with telling(ServiceCall("m0", 0xC3000004, (0x10001, 0))) as told:
        told.registers = (status % (1 << 64), 2, 1, 0, 0, 0, 0, 0)

def test_good(monitor):
    print("to standard output")
    call(0)

def test_bad(monitor):
    print("to standard error", file=sys.stderr)
    logging.getLogger("mine").warning("this is odd")
    monitor.say(b"=1f ok AQ" b"AAAAAA *c3118909\\nwhat the firmware says\\n")
    call(-18)
    assert False, "no good"
"""


def unpacked_page(bench: Bench) -> str:
    """What the page of the latest run holds of its tests, unpacked."""
    page = Parsed((bench.latest / "report.html").read_text(encoding="utf-8"))
    return json.dumps(page.embedded["case-data"], ensure_ascii=False)


def attempt(case: dict[str, Any]) -> dict[str, Any]:
    last: dict[str, Any] = case["attempts"][-1]
    return last


def test_what_a_test_prints_and_logs_and_does_is_in_the_record(bench: Bench) -> None:
    bench.run(SPEAKS)
    assert_valid(bench.latest)
    good, bad = (attempt(bench.cases[name]) for name in ("test_good", "test_bad"))
    assert good["output"] == [{"stream": "stdout call", "text": "to standard output\n"}]
    assert [piece["stream"] for piece in bad["output"]] == ["stderr call", "log call"]
    assert "this is odd" in bad["output"][1]["text"]
    (done,) = bad["account"]
    assert done["what"] == "INFO(handle=0x10001, selector=STATE)"
    assert done["answer"] == "BAD_HANDLE (-18): no live instance has this handle"
    assert (done["kind"], done["where"], done["ok"]) == ("call", "EL2 CPU 0", False)
    assert load(bench.latest).cases[0].attempts[0].account[0].answer.startswith("OK state=BOUND")


def test_a_failure_shows_the_account_in_terminal_junit_and_page(bench: Bench) -> None:
    result = bench.run(SPEAKS)
    line = "*! EL2 CPU 0: INFO(handle=0x10001, selector=STATE) -> BAD_HANDLE (-18): no live instance*"
    result.stdout.fnmatch_lines(["*Captured log call*", "*this is odd*", "*Account of the board*", line])
    junit = (bench.latest / "junit.xml").read_text()
    assert "to standard output" in junit
    assert "--- log call ---" in junit
    assert "BAD_HANDLE (-18)" in junit
    assert "BAD_HANDLE (-18)" in unpacked_page(bench)


def test_frames_of_the_monitor_stand_in_the_transcript_only(bench: Bench) -> None:
    bench.run(SPEAKS)
    (said,) = bench.cases["test_bad"]["console"]
    assert "what the firmware says" in said["text"]
    assert "AQAAAAAA" in next(bench.latest.rglob("monitor.log")).read_text()
    for name in ("run.json", "junit.xml", "report.html", "events.jsonl"):
        assert "AQAAAAAA" not in (bench.latest / name).read_text(), name
    assert "AQAAAAAA" not in unpacked_page(bench)


KEEPS = f"""
from pathlib import Path
from hil.fixtures import attach as keep

def test_keeps(monitor, attach, tmp_path):
    file = tmp_path / "boot.bin"
    file.write_bytes(b"bytes")
    assert attach("figures", {{"median": 1.5}}).read_text() == '{{\\n "median": 1.5\\n}}'
    attach("notes", "some text")
    attach("notes", "more text")
    keep("boot", file)
    keep("../../escape.png", b"\\x89PNG")
    assert keep("big.bin", bytes({MOST_BYTES} + 1)) is None
    keep("big.txt", "x" * ({MOST_BYTES} + 10))

def test_keeps_too_many(monitor, attach):
    for number in range({MOST_FILES} + 5):
        attach(f"file-{{number}}", str(number))

def test_keeps_what_nobody_can_keep(monitor, attach):
    attach("object", {{"a": object()}})
"""


def test_attachments_lie_in_the_directory_of_the_run_and_their_size_is_bounded(bench: Bench) -> None:
    result = bench.run(KEEPS)
    result.assert_outcomes(passed=2, errors=1)
    assert_valid(bench.latest)
    kept = attempt(bench.cases["test_keeps"])["attachments"]
    files = {one["name"]: one["file"] for one in kept}
    folder = "fake/attachments/test_subject.py-test_keeps"
    assert [one["file"] for one in kept[:4]] == [
        f"{folder}/figures.json",
        f"{folder}/notes.txt",
        f"{folder}/notes-2.txt",
        f"{folder}/boot.bin",
    ]
    assert files["../../escape.png"] == f"{folder}/escape.png"
    assert (bench.latest / files["boot"]).read_bytes() == b"bytes"
    assert (files["big.bin"], kept[5]["note"]) == (
        "",
        f"not kept: it has {MOST_BYTES + 1} bytes, {MOST_BYTES} are allowed",
    )
    assert "10 bytes in the middle are left out" in kept[6]["note"]
    assert (bench.latest / files["big.txt"]).stat().st_size < MOST_BYTES + 100
    many = attempt(bench.cases["test_keeps_too_many"])["attachments"]
    assert len(many) == MOST_FILES + 1
    assert "not kept" in many[-1]["note"]
    assert "attach bytes, text, a path" in bench.cases["test_keeps_what_nobody_can_keep"]["faults"][0]["hint"]


def test_junit_and_page_name_what_a_test_kept(bench: Bench) -> None:
    bench.run(KEEPS)
    assert "[[ATTACHMENT|reports/" in (bench.latest / "junit.xml").read_text()
    assert "attachments/test_subject.py-test_keeps/boot.bin]]" in (bench.latest / "junit.xml").read_text()
    page = unpacked_page(bench)
    assert "fake/attachments/test_subject.py-test_keeps/boot.bin" in page
    assert "data:image/png;base64,iVBORw==" in page


def test_what_is_printed_without_bound_is_cut_and_says_so(bench: Bench) -> None:
    bench.run("def test_noisy(monitor): print('x' * 1_000_000)")
    (piece,) = attempt(bench.cases["test_noisy"])["output"]
    assert len(piece["text"]) < 40_000
    assert "characters are left out" in piece["text"]


def test_a_trace_shows_each_action_as_it_is_done(bench: Bench) -> None:
    result = bench.run(SPEAKS, "--hil-trace")
    result.stdout.fnmatch_lines(
        [
            "--- suites/test_subject.py::test_good",
            "*EL2 CPU 0: INFO(handle=0x10001, selector=STATE) -> OK state=BOUND*",
            "--- suites/test_subject.py::test_bad",
            "*! EL2 CPU 0: INFO(handle=0x10001, selector=STATE) -> BAD_HANDLE (-18)*",
        ]
    )
    assert "INFO(" not in bench.run(SPEAKS.partition("def test_bad")[0]).stdout.str()


DIFFERS = """
from hil.account import TpmCommand, telling
from hil.target.tpm import commands
from hil.target.vtpm import Status

ANSWER = bytes.fromhex("8001000000100000000000041234abcd")

def test_response(monitor):
    with telling(TpmCommand("1.0", commands.get_random(4))) as told:
        told.response = ANSWER
    assert ANSWER == ANSWER[:-1] + b"!"

def test_status(monitor):
    assert Status.BUSY == Status.OK

def test_register(monitor):
    assert 0x4100_0000 == 0x4100_1000

def test_registers(monitor):
    assert (1, 0x4100_0000) == (1, 0x4100_2000)
"""


def test_a_comparison_that_fails_is_explained_in_the_terms_of_the_board(bench: Bench) -> None:
    bench.run(DIFFERS)
    details = {name: case["faults"][0]["details"] for name, case in bench.cases.items()}
    assert "assert SUCCESS(randomBytes=1234abcd) == SUCCESS(randomBytes=1234ab21)" in details["test_response"]
    assert "12-15  randomBytes  1234abcd  1234ab21" in details["test_response"]
    assert "12 34 ab 21" in details["test_response"], "pytest has not cut the explanation"
    assert "BUSY: another CPU is in this instance" in details["test_status"]
    assert "0x41000000 == 0x41001000" in details["test_register"]
    assert "they differ in bit 12" in details["test_register"]
    assert "[1]  0x41000000  !=  0x41002000" in details["test_registers"]
    message = bench.cases["test_response"]["faults"][0]["message"]
    assert message == "assert SUCCESS(randomBytes=1234abcd) == SUCCESS(randomBytes=1234ab21)"


def test_each_attempt_has_an_account_of_its_own(bench: Bench) -> None:
    flaky = SPEAKS.partition("def test_good")[0] + "TRIES = []\ndef test_flaky(monitor):\n    TRIES.append(1)\n"
    bench.run(flaky + "    call(0 if TRIES[1:] else -18)\n    assert TRIES[1:]\n", "--retry", "flaky=1")
    first, second = bench.cases["test_flaky"]["attempts"]
    assert [len(made["account"]) for made in (first, second)] == [1, 1]
    assert (first["account"][0]["ok"], "ok" in second["account"][0]) == (False, False)
    events = [json.loads(line) for line in (bench.latest / "events.jsonl").read_text().splitlines()]
    assert next(event for event in events if event["event"] == "attempt")["account"] == first["account"]


def test_an_error_of_the_framework_shows_the_line_of_the_test_and_what_the_console_said(bench: Bench) -> None:
    result = bench.run(
        """
        from hil.target.vtpm.reply import Reply
        def test_refused(monitor):
            monitor.say(b"BL31: built\\n=1f ok AQAAAAAA *c3118909\\n")
            Reply.from_registers(0xC3000006, [(-18) % (1 << 64), 0]).require()
        """
    )
    shown = result.stdout.str()
    assert ">       Reply.from_registers(0xC3000006" in shown or ">   Reply.from_registers(0xC3000006" in shown
    assert "DESTROY answered BAD_HANDLE (-18)" in shown
    assert "hil/target/vtpm/reply.py" not in shown
    result.stdout.fnmatch_lines(["*- Console monitor -*", "*< BL31: built"])
    full = bench.run((bench.pytester.path / "suites" / "test_subject.py").read_text(), "--fulltrace").stdout.str()
    assert "hil/target/vtpm/reply.py" in full
