"""`hil new` writes files that can be used as they are, and never over others."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hil.board.file.check import problems
from hil.board.file.keys import MODELINE
from hil.errors import UsageError
from hil.operations.new.board import models, new_board
from hil.operations.new.suite import new_suite
from tests.cli.checkout import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("like", models())
def test_a_new_board_passes_the_check_and_explains_its_parts(tmp_path: Path, like: str) -> None:
    file = new_board(tmp_path, "mine", like)
    assert problems(file) == []
    text = file.read_text()
    assert text.startswith(f"{MODELINE}\n# mine: made after {like}.")
    assert "# files that go to the board by the names that drivers use" in text


def test_its_images_are_those_of_the_firmware_that_was_given(tmp_path: Path) -> None:
    firmware = tmp_path / "out"
    firmware.mkdir()
    (firmware / "flash.bin").touch()
    text = new_board(tmp_path / "boards", "mine", "qemu-virt", firmware).read_text()
    assert "\n  flash: ../out/flash.bin\n" in text


def test_options_that_name_other_boards_are_kept_where_these_are(tmp_path: Path) -> None:
    assert "linux_board" not in new_board(tmp_path, "one", "qemu-virt").read_text()
    (tmp_path / "qemu-virt-linux.yaml").touch()
    assert "linux_board" in new_board(tmp_path, "two", "qemu-virt").read_text()


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_a_new_suite_passes_linter_and_formatter(tmp_path: Path, command: list[str]) -> None:
    """The type checker sees `hil/operations/new/example.py`, of which it is a copy."""
    file = new_suite(tmp_path / "suites", "my-own")
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(ROOT / "pyproject.toml"), str(file)]
    done = subprocess.run(ruff, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_written_over(tmp_path: Path) -> None:
    board, suite = new_board(tmp_path, "mine", "juno"), new_suite(tmp_path, "mine")
    before = board.read_text(), suite.read_text()
    with pytest.raises(UsageError, match=r"mine\.yaml exists already"):
        new_board(tmp_path, "mine", "rpi4")
    with pytest.raises(UsageError, match=r"test_mine\.py exists already"):
        new_suite(tmp_path, "mine")
    assert (board.read_text(), suite.read_text()) == before


@pytest.mark.parametrize("name", ["", ".", "../mine", "a b", "Mine", "-mine", "m" * 65, "mine\n"])
def test_what_would_be_no_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid name for a board"):
        new_board(tmp_path, name, "juno")
    with pytest.raises(UsageError, match="is not a valid name for a suite"):
        new_suite(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_board_to_start_from_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        new_board(tmp_path, "mine", "toaster")
    assert "rpi4" in refused.value.context.hint
