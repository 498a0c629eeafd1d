"""The search finds the change that broke a test, whatever else is wrong with other changes, or with the board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode, UsageError
from hil.operations.bisect import (
    Bisection,
    BisectionState,
    BisectSettings,
    Builds,
    CandidateVerdict,
    Judgement,
    Revisions,
)
from hil.operations.bisect.bisection import BoardUnusable
from hil.operations.bisect.runner import RunOutcome
from tests.operations.bisect.history import BUILD, git, make_history

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.operations.bisect.candidates import Candidates

BUG_AT = 13
CHANGES = 24
DEFECTS = {7: "nonsense", 12: "nonsense", 16: "dead"}
"""Changes of other kinds: `nonsense` cannot be built, `dead` lets the canary fail."""


class Bench:
    """Judges firmware by its text, but for the runs of these numbers, in which the board decides.

    In those in which it is `sick` the run says so; in those in which it is `bad` every test just fails.
    """

    def __init__(self) -> None:
        self.sick = range(0)
        self.bad = range(0)
        self.runs: list[tuple[str, str]] = []
        self.pauses: list[float] = []

    def judge(self, test: str, firmware: Path) -> Judgement:
        text = (firmware / "fw" / "image").read_text()
        self.runs.append((test, text.split()[0]))
        if len(self.runs) in self.sick:
            return Judgement(RunOutcome.LOST, "QEMU was killed by SIGKILL", "reports/lost")
        fails = "dead" in text or (test == "test" and "bug" in text) or len(self.runs) in self.bad
        return Judgement(
            RunOutcome.FAILED if fails else RunOutcome.PASSED, "wrong" if fails else "", f"reports/{len(self.runs)}"
        )


def contents(bug_at: int = BUG_AT) -> list[str]:
    return [" ".join([DEFECTS.get(n, "fine"), "bug" if n >= bug_at else ""]) for n in range(CHANGES)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def search(tmp_path: Path, bench: Bench) -> Callable[..., Bisection]:
    """Return a function that makes, or goes on with, a search in a history."""

    def make(names: list[str], canary: str = "canary", candidates: Candidates | None = None) -> Bisection:
        settings = BisectSettings("test", "board", canary, names[0], names[-1], build=BUILD)
        try:
            state = BisectionState.load(tmp_path / "state")
        except UsageError:
            state = BisectionState(tmp_path / "state", settings)
            state.save()
        root = tmp_path / "repository"
        revisions = Revisions(root, names[0], names[-1], BUILD, root / "build" / "bisect", state.directory)
        return Bisection(state, candidates or revisions, bench.judge, pause=bench.pauses.append)

    return make


def test_a_planted_bug_is_found_among_changes_that_do_not_build_or_boot(
    tmp_path: Path, search: Callable[..., Bisection], bench: Bench
) -> None:
    names = make_history(tmp_path / "repository", contents())
    answer = search(names).run()
    assert answer.suspects == (names[12], names[13])
    assert answer.first_bad.candidate == names[13]
    assert answer.last_good.candidate == names[11]
    assert len(bench.runs) < CHANGES
    assert answer.first_bad.record.startswith("reports/")


def test_the_only_change_left_is_sure(tmp_path: Path, search: Callable[..., Bisection]) -> None:
    names = make_history(tmp_path / "repository", contents(bug_at=10))
    answer = search(names).run()
    assert answer.sure
    assert answer.first_bad.candidate == names[10]


def test_a_change_behind_a_merge_is_found(tmp_path: Path, search: Callable[..., Bisection]) -> None:
    root = tmp_path / "repository"
    names = make_history(root, ["fine"] * 3)
    git(root, "checkout", "-q", "-b", "side", names[0])
    (root / "other").write_text("x")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "other")
    (root / "firmware").write_text("side\nbug\n")
    git(root, "commit", "-q", "-a", "-m", "planted")
    planted = git(root, "rev-parse", "HEAD")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "-s", "ours", "-m", "merge", "side")
    (root / "firmware").write_text("merged\nbug\n")
    git(root, "commit", "-q", "-a", "--amend", "--no-edit")
    answer = search([names[0], git(root, "rev-parse", "HEAD")]).run()
    assert answer.first_bad.candidate == planted


@pytest.mark.parametrize("since", [1, 2, 6], ids=["first-canary", "test-at-the-good-end", "test-in-between"])
def test_a_board_that_is_sick_for_a_while_is_never_taken_for_the_bug(
    tmp_path: Path, search: Callable[..., Bisection], bench: Bench, since: int
) -> None:
    names = make_history(tmp_path / "repository", contents(bug_at=20))
    bench.sick = range(since, since + 2)
    answer = search(names).run()
    assert answer.first_bad.candidate == names[20]
    assert bench.pauses


def test_a_board_that_stays_sick_ends_the_search_and_it_goes_on_later(
    tmp_path: Path, search: Callable[..., Bisection], bench: Bench
) -> None:
    names = make_history(tmp_path / "repository", contents(bug_at=10))
    bench.sick = range(8, 10**9)
    with pytest.raises(BoardUnusable, match="QEMU was killed") as caught:
        search(names).run()
    assert caught.value.exit_code is ExitCode.INFRASTRUCTURE
    assert "--resume" in caught.value.context.hint
    tried = BisectionState.load(tmp_path / "state").trials
    assert {trial.candidate for trial in tried} >= {names[0], names[-1]}
    bench.sick = range(0)
    answer = search(names).run()
    assert answer.first_bad.candidate == names[10]
    assert BisectionState.load(tmp_path / "state").trials[: len(tried)] == tried


def test_firmware_that_fails_the_canary_is_skipped_only_if_the_good_one_still_passes_it(
    tmp_path: Path, search: Callable[..., Bisection], bench: Bench
) -> None:
    names = make_history(tmp_path / "repository", ["fine", "dead", "dead", "fine bug"])
    answer = search(names).run()
    assert answer.suspects[-1] == names[3]
    assert set(answer.suspects) == set(names[1:])
    state = BisectionState.load(tmp_path / "state")
    assert state.with_verdict(CandidateVerdict.SKIP) == [
        trial.candidate for trial in state.trials if "the canary fails" in trial.reason
    ]
    assert bench.runs.count(("canary", "0")) == 3


@pytest.mark.parametrize(("since", "first"), [(9, "test"), (10, "canary")])
def test_a_board_on_which_everything_fails_for_a_while_is_never_taken_for_the_bug(
    tmp_path: Path, search: Callable[..., Bisection], bench: Bench, since: int, first: str
) -> None:
    """A board that has turned bad need not say so: from then on, what the firmware did before does not work either."""
    names = make_history(tmp_path / "repository", ["fine"] * 8 + ["fine bug"])
    bench.bad = range(since, since + 2)
    answer = search(names).run()
    assert bench.runs[since - 1][0] == first
    assert answer.first_bad.candidate == names[8]
    assert BisectionState.load(tmp_path / "state").with_verdict(CandidateVerdict.SKIP) == []
    assert bench.pauses


def test_a_board_on_which_everything_fails_ends_the_search_instead_of_answering_it(
    tmp_path: Path, search: Callable[..., Bisection], bench: Bench
) -> None:
    names = make_history(tmp_path / "repository", ["fine"] * 8 + ["fine bug"])
    bench.bad = range(7, 10**9)  # from the first test between the ends on
    with pytest.raises(BoardUnusable, match="the board failed 3 times"):
        search(names).run()
    assert BisectionState.load(tmp_path / "state").with_verdict(CandidateVerdict.BAD) == [names[8]]


@pytest.mark.parametrize(("content", "message"), [("bug", "does not pass at the good end"), ("fine", "does not fail")])
def test_ends_that_are_no_ends_are_refused(
    tmp_path: Path, search: Callable[..., Bisection], content: str, message: str
) -> None:
    names = make_history(tmp_path / "repository", [content] * 3)
    with pytest.raises(UsageError, match=message):
        search(names).run()


def test_ends_in_the_wrong_order_are_refused(tmp_path: Path, search: Callable[..., Bisection]) -> None:
    names = make_history(tmp_path / "repository", contents())
    with pytest.raises(UsageError, match="is no descendant of"):
        search(names[::-1]).run()


def test_worktrees_are_gone_afterwards_and_the_checkout_is_as_it_was(
    tmp_path: Path, search: Callable[..., Bisection]
) -> None:
    root = tmp_path / "repository"
    names = make_history(root, contents(bug_at=10))
    search(names).run()
    assert len(git(root, "worktree", "list").splitlines()) == 1
    assert not list((root / "build" / "bisect").iterdir())
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "rev-parse", "HEAD") == names[-1]


def test_nobody_goes_on_with_a_search_that_is_under_way(tmp_path: Path, search: Callable[..., Bisection]) -> None:
    search(make_history(tmp_path / "repository", ["fine", "bug"]))
    with (
        BisectionState.load(tmp_path / "state").held(),
        pytest.raises(UsageError, match="another"),
        BisectionState.load(tmp_path / "state").held(),
    ):
        pass


def test_builds_are_searched_without_a_repository(tmp_path: Path, search: Callable[..., Bisection]) -> None:
    directories = []
    for number in range(9):
        directory = tmp_path / f"nightly-{number}"
        (directory / "fw").mkdir(parents=True)
        (directory / "fw" / "image").write_text(f"{number}\n{'bug' if number >= 4 else 'fine'}\n")
        directories.append(str(directory))
    answer = search(directories, candidates=Builds(tuple(directories))).run()
    assert answer.sure
    assert answer.first_bad.candidate == directories[4]
    assert answer.last_good.candidate == directories[3]
