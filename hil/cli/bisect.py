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
from hil.cli.tree import DEFAULT_BOARD, Tree
from hil.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from hil.board.file.boardfile import BoardFile
    from hil.operations.bisect import Answer, Settings, State, Trial
    from hil.operations.bisect.bisection import Progress
    from hil.operations.bisect.candidates import Candidates

CANARY = "suites/service"
DIRECTORY = "bisect-"
"""How the directories in reports/ begin that hold a bisection."""
STYLES = {"good": "green", "bad": "red", "skip": "yellow"}


def command(
    builds: Annotated[
        list[Path] | None,
        typer.Argument(metavar="BUILD", help="Built images in the place of revisions, oldest first."),
    ] = None,
    good: Annotated[str, typer.Option(metavar="REV", help="A revision with which the test passes.")] = "",
    bad: Annotated[str, typer.Option(metavar="REV", help="A later one, with which it fails.")] = "HEAD",
    test: Annotated[
        str, typer.Option(metavar="ID", help="What fails, as `hil run` takes it.", autocompletion=complete.suites)
    ] = "",
    board: Annotated[str, typer.Option(help="A board of boards/.", autocompletion=complete.boards)] = DEFAULT_BOARD,
    canary: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="What passes whenever board and firmware are well; '' for none.",
            autocompletion=complete.suites,
        ),
    ] = CANARY,
    build: Annotated[
        str, typer.Option(metavar="COMMAND", help="What builds a revision, in its worktree (default: hil build).")
    ] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest one that was interrupted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Find the change of the firmware that broke a test.

    Each revision is built in a worktree of its own. A canary test runs before the test, so that a sick board or a build
    that fails is never taken for the bug. Suites and framework are those of this checkout.

    Ends with 0 when one change is left, with 1 when several are, because what is between them could not be tried.

    Examples:
        hil bisect --good v1.2 --test suites/tpm/test_quote.py

        hil bisect --good a1b2c3d --bad HEAD~3 --test 'suites/queue -k ring' --board rpi4-twin

        hil bisect --test suites/queue nightly/0312 nightly/0313 nightly/0314

        hil bisect --resume
    """
    from hil.operations.bisect import Bisection, Runner, State
    from hil.operations.bisect.state import unfinished

    tree = Tree.here()
    if resume:
        state = unfinished(found for found in tree.reports.glob(f"{DIRECTORY}*") if found.is_dir())
    else:
        images = tuple(str(path.absolute()) for path in builds or ())
        settings = _settings(
            tree, test=test, board=board, canary=canary, good=good, bad=bad, build=build, images=images
        )
        state = State(tree.reports / f"{DIRECTORY}{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{board}", settings)
        state.save()
    settings = state.settings
    candidates = _candidates(tree, state)
    runner = Runner(tree.root, settings.board, state.directory / "runs", state.directory / "runs.log")
    with _shown(candidates, quiet=as_json) as show, state.held():
        search = Bisection(state, candidates, runner.run, news=show.news, tried=show.tried)
        try:
            answer = search.run()
        except KeyboardInterrupt:
            show.line("interrupted; `hil bisect --resume` goes on")
            raise
    if as_json:
        print_json({**asdict(answer), "sure": answer.sure, "state": str(state.directory)})
    else:
        _print(answer, candidates)
    raise typer.Exit(ExitCode.PASSED if answer.sure else ExitCode.FINDINGS)


def _settings(
    tree: Tree, *, test: str, board: str, canary: str, good: str, bad: str, build: str, images: tuple[str, ...]
) -> Settings:
    from hil.operations.bisect import Settings, commit

    if not test:
        raise UsageError("--test says what broke", hint="hil bisect --good REV --test ID")
    if not (good or images):
        raise UsageError("--good names a revision with which the test passed", hint="or give builds, the oldest first")
    if canary == CANARY and not (tree.root / CANARY).exists():
        raise UsageError(f"there is no {CANARY} here", hint="--canary ID, or --canary '' for none")
    if images:
        return Settings(test, board, canary, images[0], images[-1], images)
    command = build or _build_command(tree.board(board))
    return Settings(test, board, canary, commit(tree.root, good), commit(tree.root, bad), build=command)


def _build_command(board: BoardFile) -> str:
    """Return what builds the images of a board in a worktree of our repository: its own `hil build`."""
    from hil.board.builds import Build

    if build := Build.of_board(board):
        # Old revisions have no `python -m hil`; the installed command takes the code of the worktree by PYTHONPATH.
        hil = ["env", "PYTHONPATH=.", str(Path(sys.executable).with_name("hil"))]
        return shlex.join([*hil, "build", "--platform", build.platform, *([] if build.linux else ["--no-linux"])])
    raise UsageError(f"the images of {board.name} are not built here", hint="--build COMMAND, or give builds")


def _candidates(tree: Tree, state: State) -> Candidates:
    from hil.operations.bisect import Builds, Revisions

    settings = state.settings
    if settings.images:
        return Builds(settings.images)
    worktrees = tree.root / "build" / "bisect"
    return Revisions(tree.root, settings.good, settings.bad, settings.build, worktrees, state.directory)


class _Show:
    """Prints what is done and what has come out: on a terminal the present step, too."""

    def __init__(self, candidates: Candidates, out: Console | None) -> None:
        self._candidates = candidates
        self._out = out
        self.status = out.status("") if out and out.is_terminal else contextlib.nullcontext()

    def line(self, text: str, style: str = "") -> None:
        if self._out:
            self._out.print(text, style=style, markup=False)

    def news(self, progress: Progress) -> None:
        from rich.status import Status

        if isinstance(self.status, Status):
            time = timedelta(seconds=round(progress.seconds))
            left = f"; {progress.left} left, about {time}" if progress.left else ""
            self.status.update(f"{self._candidates.name(progress.candidate)}: {progress.doing}{left}")

    def tried(self, trial: Trial) -> None:
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
        print_line("first bad is one of these; those before the last could not be tried:")
        for suspect in answer.suspects:
            print_line(f"  {candidates.name(suspect)}")
    for word, trial in (("bad", answer.first_bad), ("good", answer.last_good)):
        print_line(f"{word:4}: {candidates.name(trial.candidate)}; record in {trial.record}")
