"""What GitHub Actions shows beside a change: an annotation for each thing to look at, and a summary of the job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hil.record.case import FaultKind
from hil.report.failures import FLAKY, failure_groups
from hil.report.headlines import explanation, place
from hil.report.markdown import MOST_BYTES, markdown
from hil.report.text import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hil.record import Record
    from hil.report.failures import FailureGroup

ACTIONS = "GITHUB_ACTIONS"
"""Set to `true` by GitHub's runner."""
SUMMARY = "GITHUB_STEP_SUMMARY"
"""The file of the summary of the step."""
WORKSPACE = "GITHUB_WORKSPACE"
"""The directory of the checkout, to which the paths of annotations are relative."""
MOST_OF_A_KIND = 10
"""GitHub shows so many errors of a step, and so many warnings; it drops the rest without a word."""
MESSAGE_CHARACTERS = 4_000
TITLE_CHARACTERS = 200


def tell_github(
    record: Record,
    directory: Path,
    root: Path,
    say: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Tell GitHub about a run whose record is in `directory`, of the tree at `root`; does nothing elsewhere.

    `say` prints a line to where GitHub's runner reads commands.
    """
    if environment.get(ACTIONS) != "true":
        return
    for line in annotated(record, root, Path(environment.get(WORKSPACE) or root)):
        say(line)
    if file := environment.get(SUMMARY):
        try:
            append_summary(record, str(directory), Path(file))
        except OSError as error:
            say(_command("warning", {"title": "no summary"}, f"{file} cannot be written: {error.strerror}"))


def append_summary(record: Record, directory: str, file: Path) -> None:
    """Append the run as Markdown to a file that may hold summaries of others, which together must not be too long."""
    there = file.stat().st_size if file.exists() else 0
    with file.open("a", encoding="utf-8") as summary:
        summary.write(markdown(record, directory, most=MOST_BYTES - there - 1) + "\n")


def annotated(record: Record, root: Path, workspace: Path) -> list[str]:
    """Return the workflow commands for `record`: errors, and warnings for flaky tests, not more than GitHub shows.

    A finding is shown at the line of its test. A fault of board or lab has no place in the change, and gets none.
    """
    groups = failure_groups(record)
    errors = [_annotation("error", group, root, workspace) for group in groups if group.kind != FLAKY]
    warnings = [_annotation("warning", group, root, workspace) for group in groups if group.kind == FLAKY]
    return [*_capped("error", errors), *_capped("warning", warnings)]


def _capped(command: str, lines: list[str]) -> Iterable[str]:
    if len(lines) <= MOST_OF_A_KIND:
        return lines
    left = len(lines) - MOST_OF_A_KIND + 1
    rest = _command(command, {"title": f"{left} more"}, f"{left} more things to look at: see the summary of the job")
    return [*lines[: MOST_OF_A_KIND - 1], rest]


def _annotation(command: str, group: FailureGroup, root: Path, workspace: Path) -> str:
    fault = group.fault
    first = group.cases[0] if group.cases else None
    where: dict[str, str] = {}
    if first and fault.kind is not FaultKind.INFRASTRUCTURE:
        file, line = place(str(first.path), fault.details)
        where = {"file": _from_workspace(root / file, workspace), **({"line": str(line)} if line else {})}
    kind = "finding" if fault.finding else fault.kind.value
    word = FLAKY if group.kind == FLAKY else kind
    what = first.name if first else "the run itself"
    title = f"{word}: {what}" + (f" on {group.board}" if group.board else "")
    lines = [line.strip() for line in explanation(fault)]
    if len(group.cases) > 1:
        lines.append(f"the same in {len(group.cases) - 1} more tests")
    if group.blocked:
        lines.append(f"{group.blocked} tests did not run because of it")
    message = shortened("\n".join(lines), MESSAGE_CHARACTERS, "the report")
    return _command(command, {**where, "title": shortened(visible(title), TITLE_CHARACTERS, "it")}, message)


def _from_workspace(path: Path, workspace: Path) -> str:
    path = Path(os.path.normpath(path))
    return path.relative_to(workspace).as_posix() if path.is_relative_to(workspace) else path.as_posix()


def _command(name: str, properties: Mapping[str, str], message: str) -> str:
    """Return a workflow command, in which nothing that a test said ends a property or the line."""
    told = ",".join(
        f"{key}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    return f"::{name} {told}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
