"""`hil report`."""

from __future__ import annotations

import contextlib
import difflib
import socket
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hil.cli import complete
from hil.cli.output import console, print_json, print_line
from hil.errors import ExitCode, UsageError
from hil.record.run import LATEST
from hil.report.runs import Runs, holds_record
from hil.session.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Sequence


class Traceability(StrEnum):
    """The forms in which requirements are printed."""

    CSV = "csv"
    JSON = "json"


STDOUT = Path("-")
HISTORY_RUNS = 20
LOOPBACK = "127.0.0.1"
SERVE_PORT = 8265
WIDTH_IN_A_PIPE = 400


def command(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="latest, latest-BOARD, latest-LABEL, latest~1 (the one before), an id or its beginning or end, or a "
            "directory (default: latest).",
            autocompletion=complete.runs,
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML to this file; - is standard output.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page to this file; - is standard output.")
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a summary in Markdown to this file; - is standard output."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Show how the second of two runs differs from the first.",
            rich_help_panel="Compare",
        ),
    ] = False,
    fail_on_new: Annotated[
        bool,
        typer.Option(
            "--fail-on-new",
            help="Return 1 if a test fails or is flaky only in the second run, or is carried out only in the first; "
            "3 if the lab kept one from its result.",
            rich_help_panel="Compare",
        ),
    ] = False,
    may_be_gone: Annotated[
        list[str] | None,
        typer.Option(
            "--may-be-gone",
            metavar="GLOB",
            help="With --fail-on-new: tests that the second run may lack, such as those that a change removes.",
            rich_help_panel="Compare",
        ),
    ] = None,
    merge: Annotated[
        bool,
        typer.Option(
            "--merge",
            help="Merge runs, or folders with runs, into one run with all reports.",
            rich_help_panel="Merge",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="The directory of the merged run.", rich_help_panel="Merge"),
    ] = None,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="Show the outcomes of each test in the last runs, and how flaky it is.",
            rich_help_panel="History",
        ),
    ] = False,
    number: Annotated[
        int, typer.Option("-n", min=1, max=10_000, metavar="N", help="The number of runs.", rich_help_panel="History")
    ] = HISTORY_RUNS,
    board: Annotated[
        str,
        typer.Option(
            metavar="BOARD", help="Only this board.", rich_help_panel="History", autocompletion=complete.boards
        ),
    ] = "",
    test: Annotated[
        str,
        typer.Option(metavar="GLOB", help="Only these tests, even if they never failed.", rich_help_panel="History"),
    ] = "",
    label: Annotated[
        str,
        typer.Option(
            metavar="LABEL",
            help="Only runs with this label; --prune spares all labels but this.",
            rich_help_panel="History",
        ),
    ] = "",
    traceability: Annotated[
        Traceability | None,
        typer.Option(
            help="Print the requirements of the run with their tests and verdicts on each board, for an auditor.",
            rich_help_panel="Traceability",
        ),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove runs beyond --older, --keep or --size; never those with a label, or the latest of a board.",
            rich_help_panel="Prune",
        ),
    ] = False,
    older: Annotated[
        str, typer.Option(metavar="AGE", help="Remove runs older than this: 12h, 30d, 8w.", rich_help_panel="Prune")
    ] = "",
    keep: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Remove all but the N newest runs.", rich_help_panel="Prune"),
    ] = None,
    size: Annotated[
        str,
        typer.Option(
            metavar="SIZE", help="Remove the oldest runs beyond this size of all: 500M, 2G.", rich_help_panel="Prune"
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only name the runs to remove.", rich_help_panel="Prune")
    ] = False,
    serve: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Serve boards, running and finished runs to browsers, until Ctrl-C.",
            rich_help_panel="Serve",
        ),
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="PORT", help="The port to listen on; 0 takes a free one.", rich_help_panel="Serve"
        ),
    ] = SERVE_PORT,
    listen: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="The address to listen on, such as 0.0.0.0 for all.", rich_help_panel="Serve"
        ),
    ] = LOOPBACK,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name by which browsers may call this machine.", rich_help_panel="Serve"),
    ] = None,
) -> None:
    """Show a run and rebuild its reports; compare, merge or remove runs; show the last runs side by side.

    Without --junit, --html, --markdown or --json the reports in the run's directory are replaced. Only its directory is
    needed: it may come from another machine. The exit code does not depend on the outcome of the run, except that it is
    3 for a run that was killed, or merged from one: its reports do not have all that was to be tested.

    Examples:
        hil report

        hil report latest~1 --junit junit.xml

        hil report --markdown "$GITHUB_STEP_SUMMARY"

        hil report --compare latest~1 latest --html compare.html

        hil report --history -n 50

        hil report --history --board qemu-virt --test 'suites/queue/*'

        hil report --merge shards/ -o whole --junit junit.xml

        hil report --history --label nightly

        hil report latest-nightly --traceability csv

        hil report --prune --older 30d --size 2G

        hil report --serve
    """
    chosen = {
        "--compare": compare,
        "--merge": merge,
        "--history": history,
        "--traceability": traceability is not None,
        "--prune": prune,
        "--serve": serve,
    }
    modes = [name for name, wanted in chosen.items() if wanted]
    if fail_on_new and not compare:
        raise UsageError("--fail-on-new compares two runs", hint="hil report --compare BEFORE AFTER --fail-on-new")
    if may_be_gone and not fail_on_new:
        raise UsageError("--may-be-gone is for --fail-on-new")
    if len(modes) > 1:
        raise UsageError(f"{' and '.join(modes)} exclude each other")
    if (junit or markdown) and modes and not merge:
        what = "JUnit" if junit else "The summary in Markdown"
        raise UsageError(f"{what} is a report on one run, and {modes[0]} is something else", hint="--html, --json")
    if (older or keep is not None or size or dry_run) and not prune:
        raise UsageError("--older, --keep, --size and --dry-run are for --prune", hint="hil report --prune --older 30d")
    if label and not (history or prune):
        raise UsageError("--label is for --history and --prune", hint=f"hil report {LATEST}-{label}")
    files = _Files(junit, html, markdown)
    if serve:
        _serve(listen, port, name or [])
        return
    if merge:
        _merge(runs or [], output, files, as_json=as_json)
        return
    if compare:
        gate = (may_be_gone or []) if fail_on_new else None
        _compare(runs or [f"{LATEST}~1", LATEST], html, as_json=as_json, gate=gate)
        return
    if history:
        _history(runs, number, board, test, label, html, as_json=as_json)
        return
    if traceability:
        _trace(_one(runs or [LATEST]), traceability)
        return
    if prune:
        if runs:
            raise UsageError(f"--prune takes no runs: {' '.join(runs)}", hint="--older, --keep, --size")
        _prune(older, keep, size, label, dry_run=dry_run, as_json=as_json)
        return
    _rebuild(_one(runs or [LATEST]), files, as_json=as_json)


class _Files(NamedTuple):
    """The files that reports are written to, each if it is wanted."""

    junit: Path | None = None
    html: Path | None = None
    markdown: Path | None = None


def _serve(address: str, port: int, names: list[str]) -> None:
    from hil.cli.boards import plain_statuses
    from hil.operations.serve import application
    from hil.operations.serve import serve as run

    tree = Tree.here()
    app = application(tree.reports, lambda: plain_statuses(tree), [socket.gethostname(), *names])
    run(app, address, port, lambda url: print(f"serving {tree.reports} at {url}; Ctrl-C ends it", flush=True))


def _rebuild(directory: Path, files: _Files, *, as_json: bool) -> None:
    from hil.record.reader import RUN_KILLED
    from hil.report.rebuild import Rebuilt

    rebuilt = Rebuilt.from_directory(directory)
    if not (any(files) or as_json):
        rebuilt.write()
    if files.junit:
        _write(files.junit, rebuilt.junit())
    if files.html:
        _write(files.html, rebuilt.html())
    if files.markdown:
        _write(files.markdown, rebuilt.markdown(str(_shown(directory))))
    if as_json or STDOUT not in files:
        _show(directory, as_json=as_json)
    if any(fault.type == RUN_KILLED for fault in rebuilt.record.faults):
        raise typer.Exit(ExitCode.INFRASTRUCTURE)  # what is shown is not all that was to be tested


def _show(directory: Path, *, as_json: bool) -> None:
    from hil.record import load, plain_record
    from hil.report.summary import summary

    record = load(directory)
    if as_json:
        print_json(plain_record(record))
    else:
        console().print(summary(record, _shown(directory), plain=not console().is_terminal))


def _merge(references: list[str], output: Path | None, files: _Files, *, as_json: bool) -> None:
    from hil.report.assemble import assemble, runs_below

    if output is None:
        raise UsageError("--merge needs a directory for the merged run", hint="-o DIR")
    found = []
    for reference in references:
        found += runs_below(Path(reference)) if Path(reference).is_dir() else [_found(reference)]
    assemble(found, output)
    _rebuild(output, files, as_json=as_json)


def _compare(references: list[str], html: Path | None, *, as_json: bool, gate: list[str] | None) -> None:
    """Show the differences; as a `gate`, which is a list of tests that may be gone, with an exit code for them."""
    from hil.report.changes import changes
    from hil.report.compare import compare
    from hil.report.pages import compare_page

    if len(references) != 2:
        raise UsageError(
            f"--compare takes two runs, not {len(references)}", hint="hil report --compare latest~1 latest"
        )
    before, after = map(_found, references)
    tree = _tree()
    found = compare(before, after, tree=tree.root if tree else None)
    if html:
        _write(html, compare_page(found).encode())
    if as_json:
        print_json(found.plain())
    elif html != STDOUT:
        console(WIDTH_IN_A_PIPE).print(changes(found, gone=gate is not None))
    if gate is not None and (code := found.exit_code(gate)):
        raise typer.Exit(code)


def _trace(directory: Path, kind: Traceability) -> None:
    from hil.record import load
    from hil.report.trace import traceability_csv, traceability_json

    record = load(directory)
    if kind is Traceability.JSON:
        print_json(traceability_json(record, directory))
    else:
        sys.stdout.write(traceability_csv(record, directory))


def _prune(older: str, keep: int | None, size: str, label: str, *, dry_run: bool, as_json: bool) -> None:
    from hil.report.prune import Limits, parse_age, parse_size, remove, surplus

    limits = Limits(parse_age(older) if older else None, keep, parse_size(size) if size else None)
    if not limits.any:
        raise UsageError("--prune needs to know what may stay", hint="--older 30d, --keep 50, --size 2G")
    found = surplus(Tree.here().reports, limits, label=label)
    if not dry_run:
        remove(found)
    if as_json:
        print_json([{"id": run.path.name, "label": run.label, "bytes": run.size} for run in found])
        return
    for run in found:
        print_line(f"{run.path.name}  {run.size / 1024**2:.1f} MiB")
    what = "would be removed" if dry_run else "removed"
    runs = "run" if len(found) == 1 else "runs"
    print_line(f"{len(found)} {runs} {what}, {sum(run.size for run in found) / 1024**2:.1f} MiB")


def _history(
    runs: list[str] | None, number: int, board: str, test: str, label: str, html: Path | None, *, as_json: bool
) -> None:
    from hil.report.grid import grid
    from hil.report.history import history
    from hil.report.pages import history_page

    if runs:
        raise UsageError(f"--history takes the newest runs, not {' '.join(runs)}", hint="-n N, --board, --test")
    reports = Tree.here().reports
    found = history(reports, number, board=board, tests=test, label=label)
    if label and not found.runs:
        raise UsageError(f"there is no run with the label {label!r}", hint=f"hil run --label {label} makes one")
    if board and not found.runs:
        near = difflib.get_close_matches(
            board, {known.name for run in history(reports, number).runs for known in run.boards}
        )
        raise UsageError(f"there is no run on {board!r}", hint=" or ".join(near) or "hil run makes one")
    if html:
        _write(html, history_page(found).encode())
    out = console(WIDTH_IN_A_PIPE)
    if as_json:
        print_json(found.plain())
    elif html != STDOUT:
        out.print(grid(found, width=out.width, everything=bool(test)))


def _one(references: Sequence[str]) -> Path:
    if len(references) > 1:
        raise UsageError(
            f"several runs were named: {' '.join(references)}", hint="--compare takes two, --merge any number"
        )
    return _found(references[0])


def _found(reference: str) -> Path:
    """Return the directory of a run. Outside of a tree only a path can name one."""
    path = Path(reference)
    tree = _tree()
    if holds_record(path) and (tree is None or path.is_absolute()):
        return path
    return Runs((tree or Tree.here()).reports).find(reference)


def _tree() -> Tree | None:
    """Return the tree, which has the runs and the git history, None outside of one."""
    with contextlib.suppress(UsageError):
        return Tree.here()
    return None


def _write(path: Path, content: bytes) -> None:
    """Write a file atomically, or to standard output."""
    from hil.files import write_atomically

    if path == STDOUT:
        sys.stdout.buffer.write(content)
        return
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="name another file") from error


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
