from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hil.errors import MissingTool
from hil.firmware.errors import BuildFailed
from hil.firmware.steps import BuildDirectory, BuildStep, kept_tree, lay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.firmware.conftest import Steps


class Copy:
    """A step that copies a file with cp, in a build."""

    def __init__(self, root: Path, steps: Steps) -> None:
        self.source = root / "source"
        self.source.mkdir()
        (self.source / "input.txt").write_text("one")
        self.output = root / "build" / "output.txt"
        self.log = root / "build" / "logs" / "copy.log"
        self.shared = False
        self._build = BuildDirectory(root / "build", steps)

    def make(self, *command: str) -> None:
        def work(step: BuildStep) -> None:
            step.run(*(command or ("cp", "-v", str(self.source / "input.txt"), str(self.output))))

        self._build.step("copy", "Copying", [self.source], ["output.txt"], work, shared=self.shared)


@pytest.fixture
def copy(tmp_path: Path, steps: Steps) -> Copy:
    return Copy(tmp_path, steps)


def test_a_step_runs_once_for_one_content(copy: Copy, steps: Steps) -> None:
    copy.make()
    os.utime(copy.source / "input.txt", (1, 1))
    copy.make()
    assert steps.titles == ["Copying"]


def test_a_changed_input_runs_the_step_again(copy: Copy, steps: Steps) -> None:
    copy.make()
    (copy.source / "input.txt").write_text("two")
    copy.make()
    assert steps.titles == ["Copying"] * 2
    assert copy.output.read_text() == "two"


def test_a_new_file_among_the_inputs_runs_the_step_again(copy: Copy, steps: Steps) -> None:
    copy.make()
    (copy.source / "another.txt").write_text("")
    copy.make()
    assert steps.titles == ["Copying"] * 2


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("oops")])
def test_a_lost_or_altered_output_is_made_again(copy: Copy, damage: object) -> None:
    copy.make()
    assert callable(damage)
    damage(copy.output)
    copy.make()
    assert copy.output.read_text() == "one"


def test_a_failure_names_its_log_and_quotes_the_end_of_it(copy: Copy) -> None:
    with pytest.raises(BuildFailed) as failed:
        copy.make("sh", "-c", "seq 100; echo no such luck >&2; exit 3")
    assert failed.value.message == "sh failed with status 3"
    assert failed.value.context.doing == "Copying"
    assert failed.value.context.console[-2:] == ("100", "no such luck")
    assert str(copy.log) in failed.value.context.hint
    assert "\n1\n2\n" in copy.log.read_text()


def test_a_failed_step_runs_again_although_an_older_output_is_there(copy: Copy, steps: Steps) -> None:
    copy.make()
    (copy.source / "input.txt").write_text("two")
    with pytest.raises(BuildFailed):
        copy.make("false")
    (copy.source / "input.txt").write_text("one")
    copy.make()
    assert steps.titles == ["Copying"] * 3


def test_a_step_that_makes_nothing_has_failed(copy: Copy) -> None:
    with pytest.raises(BuildFailed, match=r"output\.txt was not made"):
        copy.make("true")


def test_a_missing_program_is_named_with_the_way_to_get_it(copy: Copy) -> None:
    with pytest.raises(MissingTool, match="`no-such-compiler` is not on this machine") as missing:
        copy.make("no-such-compiler")
    assert missing.value.context.hint == "hil doctor --fix"


def test_a_variable_of_the_callers_environment_does_not_reach_a_build(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBUG", "1")
    monkeypatch.setenv("MAKEFLAGS", "-k")
    copy.make("sh", "-c", f'echo "${{DEBUG-unset}} ${{MAKEFLAGS-unset}}" > {copy.output}')
    assert copy.output.read_text() == "unset unset\n"


def test_an_execute_bit_is_no_content(copy: Copy, steps: Steps) -> None:
    copy.make()
    (copy.source / "input.txt").chmod(0o755)
    copy.make()
    assert steps.titles == ["Copying"]


def test_laying_a_tree_touches_only_what_has_changed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for name in ("same", "changed"):
        (source / name).write_text("old")
    lay(source, target)
    for path in target.iterdir():
        os.utime(path, (1, 1))
    (source / "changed").write_text("new")
    lay(source, target)
    assert (target / "changed").read_text() == "new"
    assert [(target / name).stat().st_mtime == 1 for name in ("same", "changed")] == [True, False]


def test_a_tree_is_kept_for_the_same_layout_unless_its_build_failed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"

    def build(layout: str, *, fails: bool = False) -> bool:
        with kept_tree(tree, layout) as kept:
            tree.mkdir(exist_ok=True)
            if fails:
                raise BuildFailed("no luck")
        return kept

    assert [build("a"), build("a"), build("b"), build("b")] == [False, True, False, True]
    with pytest.raises(BuildFailed):
        build("b", fails=True)
    assert not build("b")


@pytest.fixture
def shared(tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Copy]:
    """Make the same step in a new checkout."""
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))

    def make(name: str) -> Copy:
        (tmp_path / name).mkdir()
        copy = Copy(tmp_path / name, steps)
        copy.shared = True
        return copy

    return make


def test_what_one_checkout_made_another_one_takes(shared: Callable[[str], Copy], steps: Steps) -> None:
    shared("one").make()
    other = shared("other")
    other.make()
    assert other.output.read_text() == "one"
    assert steps.titles == ["Copying"]


def test_an_earlier_content_is_not_made_again(shared: Callable[[str], Copy], steps: Steps) -> None:
    copy = shared("one")
    for content in ("one", "two", "one"):
        (copy.source / "input.txt").write_text(content)
        copy.make()
        assert copy.output.read_text() == content
    assert steps.titles == ["Copying"] * 2


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("oops")])
def test_what_is_damaged_in_the_cache_is_made_anew(
    shared: Callable[[str], Copy], steps: Steps, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    shared("one").make()
    (kept,) = (tmp_path / "cache").rglob("output.txt")
    damage(kept)
    other = shared("other")
    other.make()
    assert other.output.read_text() == "one"
    assert steps.titles == ["Copying"] * 2


def test_the_cache_keeps_what_was_used_last(
    shared: Callable[[str], Copy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.firmware.steps.KEPT_OUTPUTS", 2)
    copy = shared("one")
    for content in ("one", "two", "three"):
        (copy.source / "input.txt").write_text(content)
        copy.make()
    assert {path.read_text() for path in (tmp_path / "cache").rglob("output.txt")} == {"two", "three"}


def test_a_cache_that_cannot_be_written_only_costs_time(
    shared: Callable[[str], Copy], tmp_path: Path, steps: Steps
) -> None:
    (tmp_path / "cache").write_text("no directory")
    copy = shared("one")
    copy.make()
    assert copy.output.read_text() == "one"
    assert steps.titles == ["Copying"]
