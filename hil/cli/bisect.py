"""`hil bisect`."""

from __future__ import annotations

import contextlib
import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import complete
from hil.cli.output import console, print_json, print_line
from hil.errors import ExitCode, UsageError
from hil.session.tree import DEFAULT_BOARD, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from hil.board.file.boardfile import BoardFile
    from hil.operations.bisect import Answer, BisectionState, BisectSettings, Trial
    from hil.operations.bisect.bisection import BisectionProgress
    from hil.operations.bisect.candidates import Candidates

CANARY = "suites/service"
DIRECTORY = "bisect-"
"""The beginning of the names of bisections in reports/."""
STYLES = {"good": "green", "bad": "red", "skip": "yellow"}


def command(
    builds: Annotated[
        list[Path] | None,
        typer.Argument(metavar="BUILD", help="Directories with built images instead of revisions, oldest first."),
    ] = None,
    good: Annotated[str, typer.Option(metavar="REV", help="A revision with which the test passes.")] = "",
    bad: Annotated[str, typer.Option(metavar="REV", help="A later revision with which it fails.")] = "HEAD",
    test: Annotated[
        str, typer.Option(metavar="ID", help="The test that fails, as for `hil run`.", autocompletion=complete.suites)
    ] = "",
    board: Annotated[str, typer.Option(help="A board of boards/.", autocompletion=complete.boards)] = DEFAULT_BOARD,
    canary: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="A test that passes whenever board and firmware work; '' for none.",
            autocompletion=complete.suites,
        ),
    ] = CANARY,
    build: Annotated[
        str,
        typer.Option(
            metavar="COMMAND", help="The command that builds a revision in its worktree (default: hil build)."
        ),
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest bisection that was interrupted.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Find the change of the firmware that broke a test.

    Each revision is built in a worktree of its own. A canary test runs before the test, so that a sick board or a
    failed build is never taken for the bug. Suites and framework are those of this checkout.

    The exit code is 0 if one change is left, and 1 if several are, because revisions between them could not be tried.

    Examples:
        hil bisect --good v1.2 --test suites/tpm/test_quote.py

        hil bisect --good a1b2c3d --bad HEAD~3 --test 'suites/queue -k ring' --board rpi4-twin

        hil bisect --test suites/queue nightly/0312 nightly/0313 nightly/0314

        hil bisect --resume
    """
    from hil.operations.bisect import Bisection, BisectionState, BisectRunner
    from hil.operations.bisect.state import unfinished

    tree = Tree.here()
    if resume:
        state = unfinished(found for found in tree.reports.glob(f"{DIRECTORY}*") if found.is_dir())
    else:
        images = tuple(str(path.absolute()) for path in builds or ())
        settings = _settings(
            tree, test=test, board=board, canary=canary, good=good, bad=bad, build=build, images=images
        )
        state = BisectionState(tree.reports / f"{DIRECTORY}{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{board}", settings)
        state.save()
    settings = state.settings
    candidates = _candidates(tree, state)
    runner = BisectRunner(tree.root, settings.board, state.directory / "runs", state.directory / "runs.log")
    with _shown(candidates, quiet=as_json) as show, state.held():
        search = Bisection(state, candidates, runner.run, on_progress=show.progress, on_trial=show.trial)
        try:
            answer = search.run()
        except KeyboardInterrupt:
            show.line("interrupted; `hil bisect --resume` continues")
            raise
    if as_json:
        print_json({**asdict(answer), "sure": answer.sure, "state": str(state.directory)})
    else:
        _print(answer, candidates)
    raise typer.Exit(ExitCode.PASSED if answer.sure else ExitCode.FINDINGS)


def _settings(
    tree: Tree, *, test: str, board: str, canary: str, good: str, bad: str, build: str, images: tuple[str, ...]
) -> BisectSettings:
    from hil.operations.bisect import BisectSettings, commit

    if not test:
        raise UsageError("--test is missing: the test that broke", hint="hil bisect --good REV --test ID")
    if not (good or images):
        raise UsageError(
            "--good is missing: a revision with which the test passed", hint="--good REV, or builds, the oldest first"
        )
    chosen = tree.board(board)
    if canary == CANARY and not (tree.root / CANARY).exists():
        raise UsageError(
            f"the canary {CANARY} does not exist in this tree", hint="--canary ID, or --canary '' for none"
        )
    if images:
        return BisectSettings(test, board, canary, images[0], images[-1], images)
    command = build or _build_command(chosen)
    return BisectSettings(test, board, canary, commit(tree.root, good), commit(tree.root, bad), build=command)


def _build_command(board: BoardFile) -> str:
    """Return the command that builds the images of a board in a worktree: the `hil build` of that revision."""
    from hil.board.builds import Build

    if build := Build.of_board(board):
        # Old revisions have no `python -m hil`; the installed command takes the code of the worktree by PYTHONPATH.
        hil = ["env", "PYTHONPATH=.", str(Path(sys.executable).with_name("hil"))]
        return shlex.join([*hil, "build", "--platform", build.platform, *([] if build.linux else ["--no-linux"])])
    raise UsageError(f"no build of this tree makes the images of {board.name}", hint="--build COMMAND, or give builds")


def _candidates(tree: Tree, state: BisectionState) -> Candidates:
    from hil.operations.bisect import Builds, Revisions

    settings = state.settings
    if settings.images:
        return Builds(settings.images)
    worktrees = tree.root / "build" / "bisect"
    return Revisions(tree.root, settings.good, settings.bad, settings.build, worktrees, state.directory)


class _Show:
    """Prints each trial, and on a terminal also the current step."""

    def __init__(self, candidates: Candidates, out: Console | None) -> None:
        self._candidates = candidates
        self._out = out
        self.status = out.status("") if out and out.is_terminal else contextlib.nullcontext()

    def line(self, text: str, style: str = "") -> None:
        if self._out:
            self._out.print(text, style=style, markup=False)

    def progress(self, progress: BisectionProgress) -> None:
        from rich.status import Status

        if isinstance(self.status, Status):
            time = timedelta(seconds=round(progress.seconds))
            left = f"; {progress.left} left, about {time}" if progress.left else ""
            self.status.update(f"{self._candidates.name(progress.candidate)}: {progress.doing}{left}")

    def trial(self, trial: Trial) -> None:
        why = f": {trial.reason}" if trial.reason else ""
        name = self._candidates.name(trial.candidate)
        self.line(f"{trial.verdict:4} {trial.seconds:6.1f} s  {name}{why}", STYLES[trial.verdict])


@contextlib.contextmanager
def _shown(candidates: Candidates, *, quiet: bool) -> Iterator[_Show]:
    show = _Show(candidates, None if quiet else console())
    with show.status:
        yield show


def _print(answer: Answer, candidates: Candidates) -> None:
    if answer.sure:
        print_line(f"first bad: {candidates.name(answer.first_bad.candidate)}")
    else:
        print_line("the first bad one is among these; all but the last could not be tried:")
        for suspect in answer.suspects:
            print_line(f"  {candidates.name(suspect)}")
    for word, trial in (("bad", answer.first_bad), ("good", answer.last_good)):
        print_line(f"{word:4}: {candidates.name(trial.candidate)}; record in {trial.record}")
