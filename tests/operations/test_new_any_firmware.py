"""`hil new board --kind` writes board files in which nothing is wrong, or says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.board.file.check import problems
from hil.errors import UsageError
from hil.operations.new.anyfirmware import KINDS, Answers, new_board_of_kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "how", [{"image": Path("/firmware/u-boot.bin")}, {"port": "/dev/ttyUSB0"}, {"port": "/dev/x", "power": "a:b:1"}]
)
def test_nothing_is_wrong_with_a_new_board(tmp_path: Path, kind: str, how: dict[str, object]) -> None:
    prompt = "x> " if kind == "other" else ""
    file = new_board_of_kind(tmp_path, "mine", Answers(kind, prompt=prompt, **how))  # type: ignore[arg-type]
    assert [problem.message for problem in problems(file)] == []


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (Answers("ubot", port="/dev/x"), "no kind of board 'ubot'"),
        (Answers("uboot"), "either a serial port or, emulated, an image"),
        (Answers("other", port="/dev/x"), "the prompt is missing"),
        (Answers("uboot", port="/dev/x", power="outlet 2"), "--power cannot be 'outlet 2'"),
    ],
)
def test_an_unusable_answer_is_named(tmp_path: Path, answers: Answers, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        new_board_of_kind(tmp_path, "mine", answers)
