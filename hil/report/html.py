"""A run as one page that needs nothing else: verdict, what to look at first, every case, and when it all happened."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.files import write_atomically
from hil.record.verdict import Verdict, count
from hil.report.activity import read_activity
from hil.report.attached import read_coverage, read_delays
from hil.report.embed import compiled_templates, content_hash, embedded, packed
from hil.report.failures import failure_groups
from hil.report.index import word
from hil.report.kept import Kept
from hil.report.pagedata import anchor, case_data, timeline
from hil.report.past import CHANGES, read_past
from hil.report.stages import stages
from hil.report.text import visible
from hil.report.trace import trace, verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template

    from hil.record import Case, Counts, Record

HTML_FILE = "report.html"
FIRST_SHOWN = 12
"""At most this many failures stand at the top; the list of cases has all."""

MEANING = {
    Verdict.PASSED: "every test that could run on these boards passed",
    Verdict.FLAKY: "nothing failed for good, but tests passed only when they ran again",
    Verdict.FINDINGS: "the firmware broke a promise, or a test is wrong",
    Verdict.USAGE: "something impossible was asked for, or a tool is missing",
    Verdict.INFRASTRUCTURE: "a board, an emulator or the lab failed; this says nothing about the firmware",
    Verdict.INTERRUPTED: "somebody ended the run before it was done",
    Verdict.NOTHING_RAN: "not one test was carried out, so nothing is known",
    Verdict.RUNNING: "the run goes on; this is how far it has come",
    Verdict.KILLED: "the run was killed before its end; this is how far it came",
}

_PAGE = Path(__file__).parent / "page"
_COLUMNS = ("passed", "flaky", "failed", "infrastructure", "errors", "xfailed", "quarantined", "skipped", "not_run")
_ALWAYS = frozenset({"passed", "failed"})


def write_html(record: Record, directory: Path) -> None:
    """Write the page into the record's directory, whole."""
    write_atomically(directory / HTML_FILE, html(record, directory).encode())


def html(record: Record, directory: Path | None = None) -> str:
    """Return `record` as one page; its transcripts and further files are taken from `directory`."""
    troubles = failure_groups(record)
    past = read_past(directory)
    requirements = trace(record)
    kept = Kept(directory)
    data = [
        case_data(record, number, case, kept, past.get((case.board, case.id)))
        for number, case in enumerate(record.cases)
    ]
    page: str = _template().render(
        record=record,
        meaning=MEANING[record.verdict],
        columns=partial(_columns, record.counts),
        troubles=troubles[:FIRST_SHOWN],
        more=len(troubles) - FIRST_SHOWN,
        suites=[(board.name, subject, count(cases), _seconds(cases)) for board, subject, cases in record.suites()],
        words=list(dict.fromkeys(word(case) for case in record.cases)),
        stages=stages(record, directory),
        coverage=read_coverage(directory),
        delays=read_delays(directory),
        cases=packed(data),
        filters=_filters(data),
        requirements=requirements,
        verdict_of=verdict_of,
        word=word,
        timeline=embedded(timeline(record, read_activity(directory) if directory else [])),
        anchor=anchor,
        visible=visible,
    )
    return page


def _filters(data: Sequence[dict[str, Any]]) -> list[tuple[str, str, list[str]]]:
    """What the list of tests can be filtered by: the key of a case, what stands for all, and the values."""
    changes = [change for change in CHANGES if any(case["change"] == change for case in data)]
    boards = list(dict.fromkeys(case["board"] for case in data))
    owners = sorted({case["owner"] for case in data} - {""})
    markers = sorted({marker for case in data for marker in case["markers"]})
    return [
        ("change", "new or not", changes),
        ("board", "every board", boards if len(boards) > 1 else []),
        ("markers", "every marker", markers),
        ("owner", "every owner", owners),
    ]


def _columns(shown: Counts, counts: Counts) -> list[tuple[str, int]]:
    """Name and number of each column for which `shown` is not zero; what a board is unfit for counts as skipped."""
    return [(name, _number(counts, name)) for name in _COLUMNS if name in _ALWAYS or _number(shown, name)]


def _number(counts: Counts, name: str) -> int:
    number: int = getattr(counts, name)
    return number + counts.unfit if name == "skipped" else number


def _seconds(cases: Sequence[Case]) -> float:
    return sum(case.duration for case in cases)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=compiled_templates(),
    )
    script = "".join((_PAGE / name).read_text(encoding="utf-8") for name in ("cases.js", "account.js", "timeline.js"))
    environment.globals["style"] = "\n".join(
        (_PAGE / name).read_text(encoding="utf-8") for name in ("report.css", "account.css")
    )
    load = (_PAGE / "load.js").read_text(encoding="utf-8")
    environment.globals["script"] = script
    environment.globals["load"] = load
    environment.globals["script_hashes"] = f"{content_hash(script)} {content_hash(load)}"
    return environment.get_template("report.html")
