"""The served page shows boards and runs to browsers, and lets nobody change, or see, anything else."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from hil.errors import ExitCode
from hil.record import Attempt, BoardOfRun, Case, Fault, FaultKind, Outcome, Provenance, Run
from hil.record.step import Stage
from hil.record.transcript import DirectorySink
from hil.report import write_reports
from tests.browser.sample import HOSTILE
from tests.browser.served import SECONDS, Served
from tests.cli.checkout import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.browser.window import Window

    Open = Callable[..., Window]

PHONE = 360
TOUCH_PIXELS = 44
TEST = "suites/subject/test_subject.py::test_a"
NASTY = "<img src=x onerror=alert(1)>&'\""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served.start(tmp_path_factory.mktemp("lab"))
    yield served
    served.stop()


@pytest.fixture(scope="module")
def old(served: Served) -> Path:
    """A run that ended, with its reports."""
    run = served.run()
    run.add(Case.from_attempts(TEST, [Attempt(1, Outcome.PASSED, duration=0.5)]))
    write_reports(run.finish(ExitCode.PASSED), run.path)
    return run.path


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_nothing_but_reading_is_answered(served: Served, old: Path, method: str) -> None:
    for path in ("/", "/stream", f"/runs/{quote(old.name)}/run.json"):
        answer = served.ask(path, method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:1", 200), ("[::1]", 200), ("evil.example", 421), ("localhost.evil.example", 421)],
)
def test_a_name_that_others_lend_is_refused(served: Served, host: str, status: int) -> None:
    assert served.ask("/", host=host).status == status


@pytest.mark.parametrize(
    "path",
    [
        "/runs/../secret.log",
        "/runs/%2e%2e/secret.log",
        "/runs/..%2fsecret.log",
        "/runs/%2e%2e%2freports/..%2fsecret.log",
        "/runs/{run}/../../secret.log",
        "/runs/{run}/..%2f..%2fsecret.log",
        "/runs/{run}/{secret}",
        "/runs/{run}/way-out.log",
        "/runs/{run}/folder-out/secret.log",
        "/runs/{run}/.index.json",
        "/runs/{run}/nul%00.log",
        "/runs/{run}/" + "a" * 5000 + ".log",
        "/runs/latest/run.json",
        "/runs/nosuch/",
        "/runs/nosuch/stream",
        "/style.css/../../../secret.log",
    ],
)
def test_no_way_leads_out_of_a_run(served: Served, old: Path, path: str) -> None:
    secret = served.checkout.path / "secret.log"
    if not secret.exists():
        secret.write_text("a secret")
        (old / "way-out.log").symlink_to(secret)
        (old / "folder-out").symlink_to(secret.parent)
    assert served.ask(path.format(run=quote(old.name), secret=quote(str(secret), safe=""))).status == 404


def test_a_report_cannot_reach_anything_else_here(served: Served, old: Path) -> None:
    policy = served.ask(f"/runs/{quote(old.name)}/report.html").headers["Content-Security-Policy"]
    assert "sandbox allow-scripts;" in policy
    assert "default-src 'none'" in policy
    assert served.ask(f"/runs/{quote(old.name)}/run.json").headers["X-Content-Type-Options"] == "nosniff"


def test_a_run_appears_and_can_be_watched_to_its_end(window: Open, served: Served, old: Path) -> None:
    shown = window(served.url)
    shown.find("#runs .verdict.passed").first.wait_for()
    assert old.is_dir()
    run = served.run("watched")
    shown.find("#running a", has_text="watched").click()
    shown.find("#state", has_text="live").wait_for()

    console = DirectorySink(run.path).transcript("watched", "monitor")
    run.begin(TEST)
    console.received(b"monitor: ready\r\n")
    shown.find("#now", has_text=TEST).wait_for()
    shown.find("#consoles pre", has_text="monitor: ready").wait_for()

    run.add_stage(Stage("monitor", "2026-11-23T16:00:00.000Z", 0.5, ok=True))
    lost = Fault(FaultKind.INFRASTRUCTURE, "call", "BoardDied", "the emulator is gone")
    run.add(Case.from_attempts(TEST, [Attempt(1, Outcome.ERROR, duration=0.5, faults=(lost,))]))
    shown.find("#now .state", has_text="monitor").wait_for()
    shown.find("#bad .infrastructure-word").wait_for()
    assert "1 infrastructure" in shown.find("#counts").inner_text()

    console.close()
    write_reports(run.finish(ExitCode.INFRASTRUCTURE), run.path)
    shown.find("#verdict", has_text="infrastructure").wait_for()
    shown.find("#state a").click()
    shown.find(".card", has_text="the emulator is gone").wait_for()
    assert {url.startswith(served.url) for url in shown.requests} == {True}


def test_names_and_words_from_a_target_stay_text(window: Open, served: Served) -> None:
    run = served.run(NASTY)
    console = DirectorySink(run.path).transcript("board", "monitor")
    console.received(f"{HOSTILE}\n".encode(errors="replace"))
    run.begin(f"suites/{HOSTILE}.py::test")
    run.add_fault(Fault(FaultKind.USAGE, "", "Odd", HOSTILE))
    shown = window(served.url)
    shown.find("#running", has_text=NASTY).wait_for()
    shown.page.goto(f"{served.url}runs/{quote(run.path.name)}/")
    shown.find("#bad", has_text="onerror").wait_for()
    shown.find("#consoles", has_text="onerror").wait_for()
    assert shown.evaluate("document.images.length") == 0
    assert shown.evaluate("/[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]/.test(document.body.innerText)") is False
    run.finish(ExitCode.PASSED)
    console.close()


def test_the_runs_of_one_label_can_be_shown_alone(window: Open, served: Served, old: Path) -> None:
    assert old.is_dir()
    run = Run(served.reports, BoardOfRun("night-board", Provenance()), label="nightly")
    run.add(Case.from_attempts(TEST, [Attempt(1, Outcome.PASSED, duration=0.5)]).at("night-board"))
    write_reports(run.finish(ExitCode.PASSED), run.path)
    shown = window(served.url)
    shown.find("#runs .label", has_text="nightly").wait_for()
    assert shown.find("#runs .row").count() > 1
    shown.page.select_option("#labels select", "nightly")
    assert shown.find("#runs .row").count() == 1
    shown.find("#labels a").click()
    shown.find("h1", has_text="The last run").wait_for()


def test_records_that_are_half_there_are_shown_as_what_they_are(window: Open, served: Served) -> None:
    killed, torn = served.run("killed-board"), served.run("torn-board")
    (killed.path / "run.json").write_text(
        (killed.path / "run.json").read_text().replace(f'"process": {os.getpid()}', '"process": 0')
    )
    (torn.path / "run.json").write_bytes(b'{"schema": 4, "id": "\xff')
    (torn.path / "events.jsonl").write_bytes(b'[]\nnull\n{"event": "case"}\n{"event": 7, "t"\n\xff\x00\n{"event": "ca')
    shown = window(served.url)
    shown.find("#runs .row", has=shown.find(".verdict.killed")).filter(has_text="killed-board").wait_for()
    shown.find("#runs .row", has=shown.find(".verdict.unreadable")).filter(has_text="torn-board").wait_for()
    for path in (torn.path, killed.path):
        shown.page.goto(f"{served.url}runs/{quote(path.name)}/")
        shown.find("#state", has_text="the run was killed").wait_for()


@pytest.mark.parametrize("width", [PHONE, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_everything_can_be_read_and_tapped(window: Open, served: Served, old: Path, width: int, *, dark: bool) -> None:
    run = served.run("a-board-with-a-name-that-is-much-too-long-for-a-phone-but-who-would-know-before")
    console = DirectorySink(run.path).transcript("seat", "monitor")
    console.received(b"a line that is far too long for a phone " * 20 + b"\n")
    shown = window(served.url, width=width, dark=dark, touch=width == PHONE)
    shown.find("#boards", has_text="fake-board").wait_for()
    shown.find("#running").wait_for()
    assert old.is_dir()
    for address in (served.url, f"{served.url}runs/{quote(run.path.name)}/"):
        if shown.page.url != address:
            shown.page.goto(address)
            shown.find("#consoles pre").wait_for()
        assert shown.overflow() == 0
        assert shown.low_contrast() == []
        heights = shown.evaluate(
            "[...document.querySelectorAll('a, summary')].map((one) => one.getBoundingClientRect().height)"
        )
        assert width != PHONE or min(heights) >= TOUCH_PIXELS
    run.finish(ExitCode.PASSED)
    console.close()


def test_the_history_leads_to_the_reports(window: Open, served: Served, old: Path) -> None:
    shown = window(f"{served.url}history")
    shown.find("#steady").check()
    shown.find(f".grid tbody a[href*='{quote(old.name)}']").first.click()
    shown.find("#cases details[open]", has_text="test_a").wait_for()


def test_a_broken_board_file_is_told_and_hides_no_run(window: Open, tmp_path: Path) -> None:
    served = Served.start(tmp_path)
    try:
        run = served.run()
        (tmp_path / "boards" / "broken.yaml").write_text("[")
        shown = window(served.url)
        shown.find("#state", has_text="broken.yaml").wait_for()
        shown.find("#running", has_text="fake-board").wait_for()
        run.finish(ExitCode.PASSED)
        shown.page.goto("about:blank")
    finally:
        served.stop()


def test_ctrl_c_ends_it_although_somebody_watches(window: Open, tmp_path: Path) -> None:
    served = Served.start(tmp_path)
    shown = window(served.url)
    shown.find("#boards", has_text="fake-board").wait_for()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(SECONDS) == 0
    shown.find("#state", has_text="the server is gone").wait_for()
    shown.page.goto("about:blank")
    shown.complaints.clear()  # the browser says so, too


def test_a_port_that_is_taken_is_told_in_one_line(served: Served, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.fill()
    port = served.url.rstrip("/").rpartition(":")[2]
    done = checkout.hil("report", "--serve", "--port", port)
    assert done.returncode == 2
    assert f"127.0.0.1 port {port}" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


def test_a_packed_transcript_is_served_as_the_text_that_it_is(served: Served) -> None:
    run = served.run()
    console = DirectorySink(run.path).transcript("fake-board", "monitor")
    console.received(b"0123456789abcdef\n" * 20_000)
    console.close()
    said = (run.path / "fake-board" / "monitor.log").read_bytes()
    run.add(Case.from_attempts(TEST, [Attempt(1, Outcome.PASSED, duration=0.5)]))
    write_reports(run.finish(ExitCode.PASSED), run.path)
    assert not (run.path / "fake-board" / "monitor.log").exists()
    answer = served.ask(f"/runs/{quote(run.path.name)}/fake-board/monitor.log")
    assert (answer.status, answer.read()) == (200, said)
    assert served.ask(f"/runs/{quote(run.path.name)}/console.html").status == 200
