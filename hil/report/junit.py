"""JUnit XML: one suite per board and subject; the class of a test begins with the board, so that no two are the same.

The document is valid by Jenkins' `junit-10.xsd`, which knows no properties of a case: these are the first lines of its
`<system-out>`. Each case has one result at most, so that nobody counts it twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from junitparser import Error, Failure, Skipped
from junitparser.xunit2 import FlakyError, FlakyFailure, JUnitXml, RerunError, RerunFailure, TestCase, TestSuite

from hil.buildid import LINUX, MONITOR, SERVICE
from hil.files import write_atomically
from hil.record.case import NO_REASON, Case, FaultKind, Outcome
from hil.record.packing import LOG, packed
from hil.record.provenance import Provenance
from hil.record.record import BoardOfRun
from hil.record.run import RUN_FILE
from hil.report.headlines import ACCOUNT
from hil.report.index import NOT_RUN
from hil.report.text import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from junitparser.xunit2 import InterimResult

    from hil.record.case import Attempt, ConsoleSlice, Fault
    from hil.record.record import Record


JUNIT_FILE = "junit.xml"
MOST_BYTES = 10_000_000
"""No document is longer: GitLab takes no more than 10 MB, and libxml2 no more in one text node or attribute."""
LIMITS = (1_000_000, 250_000, 60_000, 15_000, 4_000, 1_000, 250)
"""How many characters a text may have, the first with which the document is short enough; 4 bytes each at most."""
ATTRIBUTE_CHARACTERS = 4_000
NAME_CHARACTERS = 500

LEVELS = {
    SERVICE: ("EL3 (service)", (MONITOR, LINUX)),
    MONITOR: ("EL2 (monitor), EL1 (agents)", (MONITOR,)),
    LINUX: ("EL2 (KVM), EL1 (Linux)", (LINUX,)),
}
"""What a part of our firmware has at which exception level, and the states in which a boot must end for it to run."""
MACHINES = {"emulator": "QEMU", "board": "hardware"}
KERNEL = "linux-image-"
"""How the package begins whose kernel a board boots."""
_ATTACHMENT = "[[ATTACHMENT|"


def write_junit(record: Record, directory: Path) -> None:
    """Write `record` into its directory, whole."""
    write_atomically(directory / JUNIT_FILE, junit(record, directory))


def junit(record: Record, directory: Path | None = None) -> bytes:
    """Return `record`, which is in `directory`, as JUnit XML in UTF-8.

    Findings are `<failure>`; all that kept a test from saying anything is `<error>`, its type the kind of fault. What
    an earlier attempt saw is `<flakyFailure>` or `<flakyError>` when the test passed in the end, otherwise
    `<rerunFailure>` or `<rerunError>`. An expected failure is `<skipped type="xfail">`, what the board lacks
    something for `type="unfit"`, what the end of the run forestalled `type="not-run"`, a test in quarantine, however
    it ended, `type="quarantined"`.

    A text is cut in its middle, with a note on where the whole is, until the document is at most `MOST_BYTES` long.
    """
    for limit in LIMITS:
        document = _Document(record, limit, directory).encoded()
        if len(document) <= MOST_BYTES:
            break
    return document


@dataclass(frozen=True, slots=True)
class _Document:
    """A record as JUnit, with texts of at most `limit` characters."""

    record: Record
    limit: int
    directory: Path | None = None

    def encoded(self) -> bytes:
        record = self.record
        document = JUnitXml(self._name(f"hil {record.name}"))
        for board, subject, cases in record.suites():
            document.add_testsuite(self._suite(board, subject, cases))
        boards = {board.name: board for board in record.boards}
        for name in dict.fromkeys(fault.board for fault in record.faults):
            board = boards.get(name) or BoardOfRun(name, Provenance())  # or all of them
            document.add_testsuite(self._suite(board, "run", [_run_case(record, name)]))
        document.update_statistics()
        text: bytes = document.tostring()
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text

    def _suite(self, board: BoardOfRun, subject: str, cases: Sequence[Case]) -> TestSuite:
        suite = TestSuite(self._name(f"{board.name}.{subject}"))
        suite.hostname = self._name(board.provenance.host.get("name", "unknown"))
        suite.timestamp = self.record.started  # UTC, and it says so
        for key, value in _suite_properties(self.record, board, cases):
            suite.add_property(key, self._attribute(value))
        suite.extend([self._case(board, case) for case in cases])
        suite.update_statistics()
        return suite

    def _case(self, board: BoardOfRun, case: Case) -> TestCase:
        *folders, file = case.parts
        module = ".".join((board.name, *folders, PurePosixPath(file).stem))
        element = TestCase(self._name(case.name), self._name(module), round(case.duration, 3))
        for result in self._results(case):
            element.append(result)
        if said := self._system_out(case):
            element.system_out = said
        return element

    def _results(self, case: Case) -> Iterable[Error | Failure | Skipped | InterimResult]:
        """Yield what became of a case: its own result, unless it passed, and those of earlier attempts."""
        if case.quarantined and not case.deciding:
            why = case.quarantined
            yield Skipped(self._attribute(f"{why.reason} ({why.owner}, until {why.expires})"), "quarantined")
            return
        if case.faults:
            yield self._result(case.faults)
        if case.outcome in {Outcome.SKIPPED, Outcome.XFAILED}:
            yield Skipped(self._attribute(case.reason or NO_REASON), _not_carried_out(case))
        for attempt in case.attempts[:-1]:
            if attempt.faults:
                yield self._earlier(attempt, flaky=case.outcome is Outcome.FLAKY)

    def _result(self, faults: Sequence[Fault]) -> Error | Failure:
        worst = _worst(faults)
        element = (Failure if worst.finding else Error)(
            self._attribute(worst.message or worst.type), self._attribute(_type(worst))
        )
        element.text = self._text(_details(faults))
        return element

    def _earlier(self, attempt: Attempt, *, flaky: bool) -> InterimResult:
        worst = _worst(attempt.faults)
        kinds = (FlakyFailure, FlakyError) if flaky else (RerunFailure, RerunError)
        element = kinds[not worst.finding](self._attribute(worst.message or worst.type), self._attribute(_type(worst)))
        element.stack_trace = self._text(_details(attempt.faults))
        said = [*_told(attempt), *filter(None, [_consoles(attempt.console)])]
        if said:
            element.system_out = self._text("\n".join(said))
        return element

    def _system_out(self, case: Case) -> str:
        """Return what there is to say: its properties, its consoles, and which files have more, if it went wrong."""
        seat = [("seat", case.seat)] if case.seat else []
        lines = [f"{name}: {value}" for name, value in (*seat, *case.properties)]
        if case.quarantined and case.faults:
            lines.append(_details(case.faults))
        if case.attempts:
            lines += _told(case.attempts[-1])
        if said := _consoles(case.console):
            lines.append(said)
        text = self._text("\n".join(lines)).replace(_ATTACHMENT, "[ [ATTACHMENT|")  # no board says what is attached
        troubled = [attempt for attempt in case.attempts if attempt.faults]
        logs = dict.fromkeys(
            self._log(attempt.seat or attempt.board, piece.console) for attempt in troubled for piece in attempt.console
        )
        kept = [file.file for attempt in case.attempts for file in attempt.attachments if file.file]
        files = (*logs, *kept) if self.record.directory else ()
        attached = [visible(f"{_ATTACHMENT}{self.record.directory}/{file}]]") for file in files]
        return "\n".join([*([text] if text else []), *attached])

    def _log(self, seat: str, console: str) -> str:
        """Return where a transcript is, relative to the directory of the run."""
        plain = PurePosixPath(seat, f"{console}{LOG}")
        return str(packed(plain) if self.directory and packed(self.directory / plain).exists() else plain)

    def _text(self, text: str) -> str:
        return visible(shortened(text, self.limit, f"{self.record.directory or self.record.id}/{RUN_FILE}"))

    def _attribute(self, text: str) -> str:
        return visible(shortened(text, min(ATTRIBUTE_CHARACTERS, self.limit), RUN_FILE))

    def _name(self, text: str) -> str:
        """Return a name, which still is that of one test alone when it has to be cut."""
        if len(text) <= NAME_CHARACTERS:
            return visible(text)
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        return f"{visible(text[:NAME_CHARACTERS])}... {digest[:8]}"


def _suite_properties(record: Record, board: BoardOfRun, cases: Iterable[Case]) -> list[tuple[str, str]]:
    provenance = board.provenance
    inventory = provenance.inventory
    inputs: dict[str, str] = provenance.firmware.get("inputs", {})
    told = [
        ("run", record.id),
        ("board", board.name),
        ("place", ", ".join(sorted({value for case in cases for name, value in case.properties if name == "place"}))),
        ("chosen", board.why),
        ("board_file", provenance.board_file),
        ("machine", MACHINES.get(inventory.kind, inventory.kind)),
        ("exception_level", _levels(inventory.boots_into, provenance.firmware.get("build_ids", {}))),
        ("kernel", ", ".join(f"{name} {version}" for name, version in inputs.items() if name.startswith(KERNEL))),
        ("firmware_hash", provenance.firmware_hash),
        ("git", provenance.git or (f"unknown: {provenance.git_unknown}" if provenance.git_unknown else "")),
        *((f"version.{name}", version) for name, version in sorted(provenance.versions.items())),
    ]
    return [(name, value) for name, value in told if value]


def _levels(boots_into: str, build_ids: Iterable[str]) -> str:
    """Return what runs at which exception level, as far as it is ours: a state may be called `linux` on any board."""
    return ", ".join(level for part, (level, ends) in LEVELS.items() if part in build_ids and boots_into in ends)


def _not_carried_out(case: Case) -> str:
    """Return the type of `<skipped>`: CI servers know no other word for a test that did not run."""
    if case.never_started:
        return NOT_RUN
    return "xfail" if case.outcome is Outcome.XFAILED else "unfit" if case.unfit else "skip"


def _worst(faults: Sequence[Fault]) -> Fault:
    """The fault that a case counts for: a lost board outweighs what the test saw, a finding what else went wrong."""
    return max(faults, key=lambda fault: (fault.kind is FaultKind.INFRASTRUCTURE, fault.finding))


def _type(fault: Fault) -> str:
    return fault.type if fault.finding else fault.kind.value


def _details(faults: Iterable[Fault]) -> str:
    texts = []
    for fault in faults:
        where = f"in {fault.phase}" + (f", at stage {fault.stage}" if fault.stage else "")
        told = [f"{fault.type} {where}", *([str(fault.crash)] if fault.crash else []), fault.details or fault.message]
        if fault.hint:
            told.append(f"try: {fault.hint}")
        texts.append("\n".join(told))
    return "\n".join(texts)


def _consoles(pieces: Iterable[ConsoleSlice]) -> str:
    return "\n".join(f"--- {piece.console} ---\n{piece.text}" for piece in pieces if piece.text)


def _told(attempt: Attempt) -> list[str]:
    """Return what a test printed and logged, what it did on the board, and what it could not keep."""
    lines = [f"--- {piece.stream} ---\n{piece.text}" for piece in attempt.output]
    if attempt.account and attempt.faults:
        lines.append("\n".join([f"--- {ACCOUNT.lower()} ---", *(entry.line for entry in attempt.account)]))
    lines += [f"attachment {file.name}: {file.note}" for file in attempt.attachments if file.note]
    return lines


def _run_case(record: Record, board: str) -> Case:
    faults = tuple(fault for fault in record.faults if fault.board == board)
    return Case(id=f"run::{record.id}", outcome=Outcome.ERROR, faults=faults, board=board)
