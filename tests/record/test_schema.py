"""The record is what its published schema says, and the page about it says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator, ValidationError
from msgspec.structs import replace

from hil.errors import ExitCode, UsageError
from hil.record import (
    Attempt,
    BoardOfRun,
    Case,
    ConsoleSlice,
    Fault,
    FaultKind,
    Outcome,
    Provenance,
    Quarantine,
    Run,
    Stage,
    Step,
    attach,
    load,
)
from hil.record.plain import plain_case
from hil.record.reference import SCHEMA_FILE, brought_up_to_date, schema, schema_text
from tests.record.schema import assert_valid

if TYPE_CHECKING:
    from typing import Any

REMEDY = "python -m hil.record.reference docs/record.md"
PAGE = Path(__file__).parents[2] / "docs" / "record.md"
LOST = Fault(FaultKind.INFRASTRUCTURE, "call", "BoardDied", "gone", stage="monitor")
WRONG = Fault(FaultKind.FIRMWARE, "call", "AssertionError", "wrong level", finding=True)
SAID = (ConsoleSlice("monitor", "[    0.1] < hello"),)


def attempts(*outcomes: Outcome) -> list[Attempt]:
    return [
        Attempt(number, outcome, "2026-11-23T16:00:00.123Z", 0.5, faults=FAULTS.get(outcome, ()), console=SAID)
        for number, outcome in enumerate(outcomes, 1)
    ]


FAULTS = {Outcome.FAILED: (WRONG,), Outcome.ERROR: (LOST, WRONG)}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The record of a run that saw all that there is."""
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    case = Case.from_attempts("suites/a.py::test_flaky", attempts(Outcome.ERROR, Outcome.FAILED, Outcome.PASSED))
    run.plan([case.id, "suites/a.py::test_never"])
    run.add_stage(Stage("firmware", "2026-11-23T16:00:00.123Z", 1.5, ok=True))
    for attempt in case.attempts[:-1]:
        run.retry(case.id, attempt)
    run.add(case)
    steps = (Step("fork", "2026-11-23T16:00:00.123Z", 0.1),)
    quarantined = Quarantine("somebody", "it is slow", "2027-01-01")
    known = {"steps": steps, "quarantined": quarantined, "properties": (("a", "b"),)}
    run.add(Case.from_attempts("suites/a.py::test_known", attempts(Outcome.FAILED), **known))
    run.add_fault(LOST)
    run.finish(ExitCode.INFRASTRUCTURE)
    attach(run.path, "coverage.json")
    return run.path


def test_a_record_is_as_the_schema_says_and_reads_back_as_it_was(directory: Path) -> None:
    assert_valid(directory)
    record = load(directory)
    flaky, known, never = record.cases
    assert (flaky.outcome, flaky.duration) == (Outcome.FLAKY, 1.5)
    assert [attempt.outcome for attempt in flaky.attempts] == [Outcome.ERROR, Outcome.FAILED, Outcome.PASSED]
    assert {attempt.board for attempt in flaky.attempts} == {"rpi4"}
    assert [attempt.console for attempt in flaky.attempts] == [SAID] * 3
    assert flaky.attempts[0].fault is FaultKind.INFRASTRUCTURE
    assert known.quarantined == Quarantine("somebody", "it is slow", "2027-01-01")
    assert known.attempts[0].faults == known.faults == (WRONG,)
    assert never.attempts == ()
    assert record.stages == (Stage("firmware", "2026-11-23T16:00:00.123Z", 1.5, ok=True, board="rpi4"),)
    assert record.attachments == ("coverage.json",)
    assert (record.counts.flaky, record.counts.quarantined) == (1, 1)


def with_more(value: Any, kind: dict[str, Any]) -> Any:
    """Return `value` with one more key in each thing of a known kind."""
    kind = schema()["$defs"][kind["$ref"].rpartition("/")[2]] if "$ref" in kind else kind
    if "anyOf" in kind:
        return with_more(value, kind["anyOf"][0]) if value else value
    if isinstance(value, list):
        return [with_more(item, kind["items"]) if kind["items"] else item for item in value]
    if "properties" in kind:
        return {name: with_more(inner, kind["properties"][name]) for name, inner in value.items()} | {"added later": 1}
    return value


def test_keys_that_a_later_version_adds_do_no_harm(directory: Path) -> None:
    before = load(directory)
    data = with_more(json.loads((directory / "run.json").read_text()), schema())
    assert all("added later" in thing for thing in (data, data["counts"], data["cases"][0]["attempts"][0]["faults"][0]))
    (directory / "run.json").write_text(json.dumps(data))
    assert load(directory) == before


def test_a_record_that_never_ended_is_as_the_schema_says(tmp_path: Path) -> None:
    assert_valid(Run(tmp_path, BoardOfRun("rpi4", Provenance())).path)


@pytest.mark.parametrize("change", [{"verdict": "green"}, {"schema": 6}, {"started": "yesterday"}, {"more": 1}])
def test_what_is_no_record_is_told_from_one(directory: Path, change: dict[str, Any]) -> None:
    data = json.loads((directory / "run.json").read_text())
    with pytest.raises(ValidationError):
        Draft202012Validator(schema()).validate({**data, **change})


def test_the_schema_that_is_shipped_is_that_of_the_types() -> None:
    Draft202012Validator.check_schema(schema())
    assert SCHEMA_FILE.read_text() == schema_text(), REMEDY


def test_the_page_about_the_record_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert page == brought_up_to_date(page), REMEDY


def test_every_key_of_the_record_says_what_it_means() -> None:
    things = {"record": schema(), **schema()["$defs"]}
    silent = [
        f"{name}.{key}"
        for name, thing in things.items()
        for key, value in thing["properties"].items()
        if not value.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        (("cases", 1, "outcome"), "green", r"invalid enum value 'green' at `\$\.cases\[1\]\.outcome`"),
        (("boards", 0, "provenance", "git_dirty"), "no", r"expected `bool \| null`, got `str` at `\$\.boards\[0\]"),
        (("started",), "yesterday", r"expected `str` matching regex .* at `\$\.started`"),
        (("counts", "failed"), -1, r"expected `int` >= 0 at `\$\.counts\.failed`"),
    ],
)
def test_what_is_wrong_in_a_record_is_told_with_its_place(
    directory: Path, place: tuple[str | int, ...], value: Any, complaint: str
) -> None:
    data = json.loads((directory / "run.json").read_text())
    *above, last = place
    inner = data
    for key in above:
        inner = inner[key]
    inner[last] = value
    (directory / "run.json").write_text(json.dumps(data))
    with pytest.raises(UsageError, match=rf"run\.json is no record of a run: {complaint}") as refused:
        load(directory)
    # The hint is right: without the file, the events tell the same.
    assert "move it away" in refused.value.context.hint
    (directory / "run.json").unlink()
    assert load(directory).cases


def test_half_of_a_surrogate_pair_in_a_message_is_kept(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    run.add_fault(replace(WRONG, message="name \ud800"))
    run.finish(ExitCode.FINDINGS)
    assert load(run.path).faults[0].message == "name \ud800"
    (run.path / "run.json").unlink()
    assert load(run.path).faults[0].message == "name \ud800"


def test_whose_fault_it_was_follows_the_faults(directory: Path) -> None:
    """Programs in other languages read the key `fault`, and know nothing of which fault is the worst."""
    case = Case("suites/a.py::test", Outcome.FAILED, faults=(WRONG,))
    assert plain_case(case)["fault"] == "firmware"
    assert plain_case(replace(case, faults=(WRONG, LOST)))["fault"] == "infrastructure"
    assert plain_case(replace(case, faults=()))["fault"] == ""
    written = json.loads((directory / "run.json").read_text())["cases"]
    assert [case["fault"] for case in written] == ["", "firmware", ""]
    assert [attempt["fault"] for attempt in written[0]["attempts"]] == ["infrastructure", "firmware", ""]


def test_a_record_of_schema_3_is_read_with_one_attempt_for_each_test_that_ran(directory: Path) -> None:
    data = json.loads((directory / "run.json").read_text())
    for case in data["cases"]:
        for name in ("attempts", "steps", "quarantined", "fault"):
            del case[name]
    for name in ("stages", "attachments"):
        del data[name]
    counts = {name: number for name, number in data["counts"].items() if name not in {"flaky", "quarantined"}}
    data["cases"][0]["outcome"] = "passed"
    (directory / "run.json").write_text(json.dumps({**data, "schema": 3, "counts": counts}))
    record = load(directory)
    first, known, never = record.cases
    assert first.attempts == (Attempt(1, Outcome.PASSED, "", 1.5, "rpi4", console=SAID),)
    assert known.attempts[0].faults == (WRONG,)
    assert never.attempts == ()
