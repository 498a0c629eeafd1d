"""Shards become one run: no case is lost or doubled, and no failure gets lost on the way."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from hil.errors import RecordFailed, UsageError
from hil.record import Case, ConsoleSlice, Outcome, Record, Verdict, attach, load, read_events
from hil.record.case import NEVER_STARTED
from hil.record.verdict import count
from hil.report.assemble import assemble, runs_below
from hil.report.history import history
from hil.report.merge import RunPart, merge
from hil.report.rebuild import Rebuilt
from tests.record.schema import assert_valid
from tests.report.runs import FILE, Lab, board_of_run, case

BOARDS = tuple(map(board_of_run, ("rpi4", "juno")))
OUTCOMES = ("passed", "failed", "lost", "skipped", "xfailed", "flaky")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "reports")


def whole_of(lab: Lab, *paths: Path) -> Record:
    target = lab.reports.parent / "whole"
    assemble(paths, target)
    return load(target)


def began(one: Case, minute: int) -> Case:
    """The same case, having begun so many minutes later."""
    started = f"2026-11-23T16:{minute:02}:00.000Z"
    return replace(one, attempts=tuple(replace(attempt, started=started) for attempt in one.attempts))


@settings(deadline=None)
@given(
    cases=some.lists(
        some.tuples(
            some.integers(0, 30), some.sampled_from(("rpi4", "juno")), some.sampled_from(OUTCOMES), some.integers(0, 4)
        ),
        unique_by=lambda made: made[:2],
    )
)
def test_any_split_of_a_run_merges_back_to_the_same_cases(cases: list[tuple[int, str, str, int]]) -> None:
    shards: dict[int, list[Case]] = {0: [], 1: []}
    for number, board, outcome, shard in cases:
        shards.setdefault(shard, []).append(case(f"test_{number}", outcome, board=board))
    everything = [one for shard in shards.values() for one in shard]
    parts = [
        RunPart(
            Record(
                f"shard-{shard}",
                "",
                "2026-11-23T16:00:00.000Z",
                boards=BOARDS,
                verdict=Verdict.PASSED,
                cases=tuple(ones),
            ),
            {},
        )
        for shard, ones in shards.items()
    ]
    whole = merge(parts)
    assert Counter(whole.cases) == Counter(everything)
    assert whole.counts == count(everything)


def test_what_two_shards_ran_is_one_case_with_both_attempts(lab: Lab) -> None:
    paths = [lab.run(began(case("test_a", word), minute)) for word, minute in (("passed", 2), ("failed", 1))]
    whole = whole_of(lab, *paths)
    (one,) = whole.cases
    assert [(attempt.number, attempt.outcome) for attempt in one.attempts] == [(1, "failed"), (2, "passed")]
    assert one.outcome is Outcome.FLAKY
    assert whole.verdict is Verdict.FLAKY
    assert one.duration == 2.0


def test_a_test_that_failed_last_has_failed(lab: Lab) -> None:
    paths = [lab.run(began(case("test_a", word), minute)) for word, minute in (("passed", 1), ("failed", 2))]
    whole = whole_of(lab, *paths)
    assert whole.cases[0].outcome is Outcome.FAILED
    assert whole.exit_code == 1


def test_the_worst_shard_decides(lab: Lab) -> None:
    whole = whole_of(
        lab, lab.run(case("test_a", "failed")), lab.run(case("test_b", "lost")), lab.run(case("test_c", "passed"))
    )
    assert (whole.verdict, whole.exit_code) == (Verdict.INFRASTRUCTURE, 3)


def test_what_one_shard_never_started_and_another_ran_was_run(lab: Lab) -> None:
    never = Case(f"{FILE}::test_a", Outcome.SKIPPED, reason=NEVER_STARTED, board="rpi4")
    whole = whole_of(lab, lab.run(never), lab.run(case("test_a", "passed")))
    assert [one.outcome for one in whole.cases] == [Outcome.PASSED]


def test_what_no_shard_was_fit_for_stays_once(lab: Lab) -> None:
    unfit = replace(case("test_a", "skipped"), unfit=True, reason="no TZASC")
    whole = whole_of(lab, lab.run(unfit), lab.run(unfit))
    assert [one.reason for one in whole.cases] == ["no TZASC"]
    assert len(whole.cases[0].attempts) == 1


def test_a_shard_that_was_killed_is_never_green(lab: Lab) -> None:
    killed = lab.run(case("test_a", "passed"), finished=False)
    whole = whole_of(lab, killed, lab.run(case("test_b", "passed")))
    assert whole.exit_code == 3
    assert killed.name in whole.faults[0].message
    assert whole.counts.passed == 2


@pytest.mark.parametrize(("what", "value"), [("firmware", "b" * 64), ("commit", "d" * 40)])
def test_shards_of_different_firmware_are_refused(lab: Lab, what: str, value: str) -> None:
    first = lab.run(case("test_a", "passed"))
    setattr(lab, what, value)
    with pytest.raises(UsageError, match=f"{what} of rpi4") as error:
        whole_of(lab, first, lab.run(case("test_b", "passed")))
    assert "--compare" in error.value.context.hint
    assert not (lab.reports.parent / "whole").exists()


def test_different_boards_may_have_different_firmware(lab: Lab) -> None:
    first = lab.run(case("test_a", "passed"))
    lab.firmware = "b" * 64
    whole = whole_of(lab, first, lab.run(case("test_a", "passed", board="juno")))
    assert [board.name for board in whole.boards] == ["rpi4", "juno"]
    assert whole.counts.passed == 2


def test_what_else_differs_between_machines_is_all_told(lab: Lab) -> None:
    first = lab.run(case("test_a", "passed"))
    lab.qemu = "11"
    whole = whole_of(lab, first, lab.run(case("test_b", "passed")))
    assert whole.boards[0].provenance.versions["qemu"] == "10, 11"


def test_transcripts_of_all_shards_are_kept_and_lead_to_their_cases(lab: Lab) -> None:
    paths = []
    for name in ("test_a", "test_b"):
        path = lab.run(case(name, "passed"))
        (path / "rpi4").mkdir()
        (path / "rpi4" / "monitor.log").write_text(f"[    0.000000 2026-11-23T16:00:00.000000Z] < {name}\n")
        (path / "rpi4" / "monitor.raw").write_text(name)
        paths.append(path)
    whole = whole_of(lab, *paths)
    for one in whole.cases:
        said = (lab.reports.parent / "whole" / (one.seat or one.board) / "monitor.raw").read_text()
        assert one.id.endswith(said)


def test_further_files_of_all_shards_are_kept(lab: Lab) -> None:
    paths = [lab.run(case(name, "passed")) for name in ("test_a", "test_b")]
    for name, owners in (("figures.json", paths), ("bench.json", paths[:1])):
        for number, path in enumerate(owners):
            (path / name).write_text(str(number))
            attach(path, name)
    whole = whole_of(lab, *paths)
    assert sorted(whole.attachments) == ["bench.json", "merged.json", "part1/figures.json", "part2/figures.json"]
    assert (lab.reports.parent / "whole" / "part2" / "figures.json").read_text() == "1"


def test_junit_leads_to_the_transcripts_of_the_whole(lab: Lab) -> None:
    said = (ConsoleSlice("monitor", "bye"),)
    failed = case("test_a", "failed")
    failed = replace(failed, console=said, attempts=(replace(failed.attempts[0], console=said),))
    paths = []
    for one in (failed, replace(failed, id=f"{FILE}::test_b")):
        path = lab.run(one)
        (path / "rpi4").mkdir()
        (path / "rpi4" / "monitor.log").write_text("bye")
        paths.append(path)
    whole_of(lab, *paths)
    target = lab.reports.parent / "whole"
    named = re.findall(r"\[\[ATTACHMENT\|(.+?)\]\]", (target / "junit.xml").read_text())
    assert named == [str(target / board / "monitor.log") for board in ("rpi4", "rpi4@2")]
    assert all(Path(name).is_file() for name in named)


@pytest.mark.parametrize("name", ["file/whole", "file"])
def test_a_place_where_nothing_can_be_made_is_refused(lab: Lab, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError):
        assemble([lab.run(case("test_a", "passed")), lab.run(case("test_b", "passed"))], tmp_path / name)


def test_a_full_disk_leaves_nothing_and_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = lab.run(case("test_a", "passed")), lab.run(case("test_b", "passed"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hil.report.assemble.write_html", full)
    with pytest.raises(RecordFailed, match="No space left"):
        whole_of(lab, first, second)
    assert [path.name for path in lab.reports.parent.iterdir()] == ["reports"]


def test_events_are_in_order_and_say_where(lab: Lab) -> None:
    whole_of(lab, lab.run(case("test_a", "passed")), lab.run(case("test_b", "passed", board="juno")))
    events = read_events(lab.reports.parent / "whole")
    assert (events[0]["event"], events[-1]["event"]) == ("run-started", "run-finished")
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    for board in ("rpi4", "juno"):
        assert [event["event"] for event in events if event.get("board") == board] == ["case-started", "case"]


def test_the_whole_is_a_run_like_any_other(lab: Lab) -> None:
    whole_of(lab, lab.run(case("test_a", "flaky")), lab.run(case("test_b", "failed")))
    target = lab.reports.parent / "whole"
    assert_valid(target)
    rebuilt = Rebuilt.from_directory(target)
    assert (target / "junit.xml").read_bytes() == rebuilt.junit()
    assert (target / "report.html").read_bytes() == rebuilt.html()


def test_a_copy_of_a_shard_counts_once(lab: Lab) -> None:
    first, second = lab.run(case("test_a", "passed")), lab.run(case("test_b", "passed"))
    copied = shutil.copytree(first, lab.reports.parent / "copy")
    assert len(whole_of(lab, first, copied, second).cases) == 2


def test_two_runs_with_one_id_are_refused(lab: Lab) -> None:
    first, second = lab.run(case("test_a", "passed")), lab.run(case("test_b", "passed"))
    copied = shutil.copytree(first, lab.reports.parent / "copy")
    content = json.loads((copied / "run.json").read_text())
    (copied / "run.json").write_text(json.dumps({**content, "cases": []}))
    with pytest.raises(UsageError, match="not the same"):
        whole_of(lab, first, copied, second)


def test_a_whole_and_one_of_its_parts_are_not_merged(lab: Lab) -> None:
    first, second, third = (lab.run(case(name, "passed")) for name in ("test_a", "test_b", "test_c"))
    whole_of(lab, first, second)
    with pytest.raises(UsageError, match="is part of"):
        assemble([lab.reports.parent / "whole", first, third], lab.reports.parent / "more")


def test_what_exists_is_not_overwritten(lab: Lab) -> None:
    first, second = lab.run(case("test_a", "passed")), lab.run(case("test_b", "passed"))
    with pytest.raises(UsageError, match="exists"):
        assemble([first, second], lab.reports)


def test_one_run_is_not_enough(lab: Lab) -> None:
    with pytest.raises(UsageError, match="not two runs"):
        whole_of(lab, lab.run(case("test_a", "passed")))


def test_the_history_counts_what_was_merged_once(lab: Lab) -> None:
    first, second = lab.run(case("test_a", "passed")), lab.run(case("test_b", "passed"))
    assemble([first, second], lab.reports / "whole")
    assert len(history(lab.reports, 9).runs) == 1


def test_runs_are_found_where_artifacts_were_unpacked(lab: Lab, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(lab.run(case("test_a", "passed")), tmp_path / "shards" / name / "reports" / "run")
    (tmp_path / "shards" / "one" / "reports" / "latest").symlink_to("run")
    assert [path.parts[-3] for path in runs_below(tmp_path / "shards")] == ["one", "two"]


@settings(max_examples=20, deadline=None)
@given(order=some.permutations([0, 1, 2]))
def test_the_order_in_which_shards_are_named_does_not_matter(order: list[int]) -> None:
    records = [
        Record(
            f"shard-{number}",
            "",
            "2026-11-23T16:00:00.000Z",
            boards=BOARDS[:1],
            verdict=Verdict.PASSED,
            cases=(began(case("test_a", word), number),),
        )
        for number, word in enumerate(("failed", "lost", "passed"))
    ]
    assert merge([RunPart(records[number], {}) for number in order]) == merge(
        [RunPart(record, {}) for record in records]
    )
