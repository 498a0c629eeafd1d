"""Every mutant gets the verdict it deserves: only a test that ran and failed has killed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.mutants.toy import Toy, mutant

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

DOUBLE = ("2 * number", "3 * number")
FOREVER = ("while not until()", "while until()")
HELLO = ('"hello"', '"good day"')

MUTANTS = {
    "killed": mutant("caught", *DOUBLE, "test_double"),
    "survived": mutant("missed", *DOUBLE, "test_nothing_in_particular"),
    "timed out": mutant("endless", *FOREVER, "test_wait_ends", limit=4.0),
    "killed, since it may hang": mutant("endless2", *FOREVER, "test_wait_ends", limit=4.0, timeout_kills=True),
    "broken": mutant("unbuildable", "return 2", "retur 2", "test_double"),
    "broken, since only its setup fails": mutant("setup", *HELLO, "test_in_whose_fixture_the_promise_is"),
    "killed in setup": mutant("setup2", *HELLO, "test_in_whose_fixture_the_promise_is", errors_kill=True),
    "stale": mutant("gone", "4 * number", "5 * number", "test_double"),
    "stale, since it is ambiguous": mutant("twice", "return", "raise", "test_double"),
    "stale, though excused": mutant("excused and gone", "4 * number", "5 * number", excuse="nobody looks"),
    "stale in its second change": mutant(
        "second",
        *DOUBLE,
        "test_double",
        also=[
            {"file": "other.py", "old": "a", "new": "b"},
        ],
    ),
    "excused": mutant("unseen", '"bye"', '"good bye"', excuse="nobody looks"),
    "excused after its tests": mutant("unseen2", *DOUBLE, "test_nothing_in_particular", excuse="zero is zero"),
    "killed, in spite of an excuse": mutant("seen", *DOUBLE, "test_double", excuse="nobody looks"),
    "cannot judge": mutant("on sand", '"bye"', '"farewell"', "test_that_is_red_already"),
    "cannot judge by skipped tests": mutant("skipped", '"bye"', '"farewell"', "test_skipped"),
    "cannot judge on a board that does not exist": mutant("nowhere", *DOUBLE, board="none")
    | {
        "tests": ["suites/test_nothing.py"],
    },
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    toy = Toy.make(tmp_path_factory.mktemp("toy") / "project")
    toy.write_list(*MUTANTS.values())
    toy.commit()
    return toy


@pytest.fixture(scope="module")
def ended(toy: Toy) -> subprocess.CompletedProcess[str]:
    return toy.run()


@pytest.fixture(scope="module")
def verdicts(toy: Toy, ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert ended.returncode in {0, 1, 2}, ended.stderr
    return {judged["id"]: judged for judged in toy.result()["mutants"]}


@pytest.mark.parametrize("deserved", MUTANTS)
def test_each_mutant_gets_the_verdict_it_deserves(deserved: str, verdicts: dict[str, dict[str, Any]]) -> None:
    given: str = verdicts[MUTANTS[deserved]["id"]]["verdict"]
    assert deserved == given or deserved.removeprefix(given)[:1] in {" ", ","}


def test_the_verdict_names_the_test_or_the_text_that_it_comes_from(verdicts: dict[str, dict[str, Any]]) -> None:
    assert verdicts["caught"]["detail"] == "test_double"
    assert "thing.py has 0 times: 4 * number" in verdicts["gone"]["detail"]
    assert "thing.py has 3 times: return" in verdicts["twice"]["detail"]
    assert "other.py does not exist" in verdicts["second"]["detail"]
    assert "no longer needed" in verdicts["seen"]["detail"]


def test_survivors_make_the_run_fail_and_are_listed_with_what_they_break(
    ended: subprocess.CompletedProcess[str], toy: Toy
) -> None:
    assert ended.returncode == 1
    assert "missed survived: thing.py: missed holds" in ended.stdout
    assert toy.result()["counts"]["survived"] == 1
    assert f"[{len(MUTANTS)}/{len(MUTANTS)}]" in ended.stdout


@pytest.mark.usefixtures("ended")
def test_the_tree_itself_is_never_touched(toy: Toy) -> None:
    assert toy.git("status", "--porcelain").splitlines() == ["?? build/"]


def test_a_run_without_survivors_is_green_and_excuses_do_not_lower_its_rate(tmp_path: Path) -> None:
    toy = Toy.make(tmp_path / "project")
    toy.write_list(MUTANTS["killed"], MUTANTS["excused"])
    assert toy.run().returncode == 0
    assert toy.result()["rate"] == 1.0


def test_a_run_in_which_something_could_not_be_judged_is_not_green(tmp_path: Path) -> None:
    toy = Toy.make(tmp_path / "project")
    toy.write_list(MUTANTS["killed"], MUTANTS["stale"])
    assert toy.run().returncode == 2
    assert toy.result()["rate"] == 0.5
