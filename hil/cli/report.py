"""`hil report`."""

from __future__ import annotations

import contextlib
import difflib
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import complete
from hil.cli.output import console, print_json
from hil.cli.tree import Tree
from hil.errors import ExitCode, UsageError
from hil.record.run import LATEST
from hil.report.runs import Runs, holds_record

if TYPE_CHECKING:
    from collections.abc import Sequence

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
            help="latest, latest-BOARD, latest~1 (the one before), an id or its beginning or end, or a directory "
            "(default: latest).",
            autocompletion=complete.runs,
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there; - is the screen.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page there; - is the screen.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Show what is other in the second of two runs than in the first.",
            rich_help_panel="Compare",
        ),
    ] = False,
    fail_on_new: Annotated[
        bool,
        typer.Option(
            "--fail-on-new", help="Return 1 if a test fails, or is flaky, that was not.", rich_help_panel="Compare"
        ),
    ] = False,
    merge: Annotated[
        bool,
        typer.Option(
            "--merge",
            help="Make one run, with all reports, of runs or of folders that hold runs.",
            rich_help_panel="Merge",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="The directory to make.", rich_help_panel="Merge"),
    ] = None,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="Show how each test ended in the last runs, and how flaky it is.",
            rich_help_panel="History",
        ),
    ] = False,
    number: Annotated[
        int, typer.Option("-n", min=1, max=10_000, metavar="N", help="So many runs.", rich_help_panel="History")
    ] = HISTORY_RUNS,
    board: Annotated[
        str,
        typer.Option(
            metavar="BOARD", help="This board alone.", rich_help_panel="History", autocompletion=complete.boards
        ),
    ] = "",
    test: Annotated[
        str,
        typer.Option(
            metavar="GLOB", help="These tests alone, also those that never failed.", rich_help_panel="History"
        ),
    ] = "",
    serve: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Show boards, runs as they go on, and reports in a browser, until Ctrl-C.",
            rich_help_panel="Serve",
        ),
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="PORT", help="Listen there; 0 takes a free one.", rich_help_panel="Serve"
        ),
    ] = SERVE_PORT,
    listen: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Let in who reaches this address, such as 0.0.0.0.", rich_help_panel="Serve"
        ),
    ] = LOOPBACK,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="What others call this machine.", rich_help_panel="Serve"),
    ] = None,
) -> None:
    """Show a run again and make its reports anew; compare two runs; show the last runs side by side; merge runs.

    Without --junit, --html or --json the reports in the run's directory are replaced. A run that was killed gets
    reports of what it had done. Nothing but the directory is needed: it may come from another machine.

    Examples:
        hil report

        hil report latest~1 --junit junit.xml

        hil report --compare latest~1 latest --html compare.html

        hil report --history -n 50

        hil report --history --board qemu-virt --test 'suites/queue/*'

        hil report --merge shards/ -o whole --junit junit.xml

        hil report --serve
    """
    chosen = {"--compare": compare, "--merge": merge, "--history": history, "--serve": serve}
    modes = [name for name, wanted in chosen.items() if wanted]
    if len(modes) > 1:
        raise UsageError(f"{' and '.join(modes)}: one at a time")
    if junit and (compare or history or serve):
        raise UsageError(f"JUnit is about one run, and {modes[0]} about several", hint="--html, --json")
    if serve:
        _serve(listen, port, name or [])
        return
    if merge:
        _merge(runs or [], output, junit, html, as_json=as_json)
        return
    if compare:
        _compare(runs or [f"{LATEST}~1", LATEST], html, as_json=as_json, fail_on_new=fail_on_new)
        return
    if history:
        _history(runs, number, board, test, html, as_json=as_json)
        return
    _rebuild(_one(runs or [LATEST]), junit, html, as_json=as_json)


def _serve(address: str, port: int, names: list[str]) -> None:
    from hil.cli.boards import plain_standings
    from hil.operations.serve import application
    from hil.operations.serve import serve as run

    tree = Tree.here()
    app = application(tree.reports, lambda: plain_standings(tree), [socket.gethostname(), *names])
    run(app, address, port, lambda url: print(f"serving {tree.reports} at {url}; Ctrl-C ends it", flush=True))


def _rebuild(directory: Path, junit: Path | None, html: Path | None, *, as_json: bool) -> None:
    from hil.report.html import HTML_FILE
    from hil.report.junit import JUNIT_FILE
    from hil.report.rebuild import Rebuilt

    rebuilt = Rebuilt.from_directory(directory)
    if not (junit or html or as_json):
        junit, html = directory / JUNIT_FILE, directory / HTML_FILE
    if junit:
        _write(junit, rebuilt.junit())
    if html:
        _write(html, rebuilt.html())
    if as_json or STDOUT not in (junit, html):
        _show(directory, as_json=as_json)


def _show(directory: Path, *, as_json: bool) -> None:
    from hil.record import load, plain_record
    from hil.report.summary import summary

    record = load(directory)
    if as_json:
        print_json(plain_record(record))
    else:
        console().print(summary(record, _shown(directory), plain=not console().is_terminal))


def _merge(references: list[str], output: Path | None, junit: Path | None, html: Path | None, *, as_json: bool) -> None:
    from hil.report.assemble import assemble, runs_below

    if output is None:
        raise UsageError("--merge needs to know where to", hint="-o DIR")
    found = [run for one in references for run in (runs_below(Path(one)) if Path(one).is_dir() else [_found(one)])]
    assemble(found, output)
    if junit or html:
        _rebuild(output, junit, html, as_json=as_json)
    else:
        _show(output, as_json=as_json)


def _compare(references: list[str], html: Path | None, *, as_json: bool, fail_on_new: bool) -> None:
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
        console(WIDTH_IN_A_PIPE).print(changes(found))
    if fail_on_new and found.worse:
        raise typer.Exit(ExitCode.FINDINGS)


def _history(runs: list[str] | None, number: int, board: str, test: str, html: Path | None, *, as_json: bool) -> None:
    from hil.report.grid import grid
    from hil.report.history import history
    from hil.report.pages import history_page

    if runs:
        raise UsageError(f"--history takes the newest runs, not {' '.join(runs)}", hint="-n N, --board, --test")
    reports = Tree.here().reports
    found = history(reports, number, board=board, tests=test)
    if board and not found.runs:
        near = difflib.get_close_matches(
            board, {one.name for run in history(reports, number).runs for one in run.boards}
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
        raise UsageError(f"one run at a time: {' '.join(references)}", hint="--compare takes two, --merge any number")
    return _found(references[0])


def _found(reference: str) -> Path:
    """The directory of a run; outside of a tree only paths name one."""
    path = Path(reference)
    tree = _tree()
    if holds_record(path) and (tree is None or path.is_absolute()):
        return path
    return Runs((tree or Tree.here()).reports).find(reference)


def _tree() -> Tree | None:
    """Where runs are, and where git knows their commits."""
    with contextlib.suppress(UsageError):
        return Tree.here()
    return None


def _write(path: Path, content: bytes) -> None:
    """Write a file whole, or to the screen."""
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
