"""`hil new board --kind` writes board files in which nothing is wrong, or says what it needs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pytest
import yaml

from hil.board.file.check import problems
from hil.board.file.keys import SCHEMA
from hil.errors import UsageError
from hil.operations.new.anyfirmware import KINDS, Answers, new_board_of_kind
from tests.cli.checkout import ROOT


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "how", [{"image": Path("/firmware/u-boot.bin")}, {"port": "/dev/ttyUSB0"}, {"port": "/dev/x", "power": "a:b:1"}]
)
def test_nothing_is_wrong_with_a_new_board(tmp_path: Path, kind: str, how: dict[str, object]) -> None:
    prompt = "x> " if kind == "other" else ""
    file = new_board_of_kind(tmp_path, "mine", Answers(kind, prompt=prompt, **how))  # type: ignore[arg-type]
    assert [problem.message for problem in problems(file)] == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("uboot", '"Synchronous Abort" handler, esr 0x96000045'),
        ("uboot", "### ERROR ### Please RESET the board ###"),
        ("uefi", "Synchronous Exception at 0x000000013F9A4D1C"),
        ("shell", "[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"),
        ("zephyr", "[00:00:00.010,000] <err> os: >>> ZEPHYR FATAL ERROR 4: Kernel panic on CPU 0"),
    ],
)
def test_a_new_board_knows_how_its_firmware_gives_up(tmp_path: Path, kind: str, said: str) -> None:
    file = new_board_of_kind(tmp_path, "mine", Answers(kind, port="/dev/ttyUSB0"))
    (drivers,) = [target["drivers"] for target in yaml.safe_load(file.read_text())["targets"].values()]
    panics = drivers[-1]["BoardStrategy"]["panics"]
    assert [panic for panic in panics if panic["uart"] == "console" and re.search(panic["line"], said)]


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


PORT, IMAGE, POWER = "serial port, such as", "image that the emulator starts", "power switch, MODEL:HOST:INDEX"


@pytest.mark.parametrize(
    ("options", "dialogue", "written"),
    [
        (
            ["uboot"],
            [(PORT, "/dev/ttyUSB7"), (POWER, "netio_kshell:10.0.0.7:2")],
            ["port: '/dev/ttyUSB7'", "NetworkPowerPort: { model: netio_kshell, host: '10.0.0.7', index: '2' }"],
        ),
        (["shell"], [(PORT, "/dev/ttyUSB7"), (POWER, "")], ["port: '/dev/ttyUSB7'", "ManualPowerDriver"]),
        (["uboot"], [(PORT, ""), (IMAGE, "u-boot.bin")], ["firmware: ../u-boot.bin", "HilQEMUDriver"]),
        (["uboot", "--power", "rest:pdu:3"], [(PORT, "/dev/ttyS4")], ["port: '/dev/ttyS4'", "model: rest"]),
        (["uefi", "--port", "/dev/ttyS5"], [], ["port: '/dev/ttyS5'", "ManualPowerDriver", "UefiShellDriver"]),
    ],
    ids=["a real board", "switched by hand", "emulated", "only what is missing", "nothing is missing"],
)
def test_a_person_is_asked_for_what_is_missing(
    tmp_path: Path, options: list[str], dialogue: list[tuple[str, str]], written: list[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.hil]\n")
    command = ["-m", "hil", "new", "board", "mine", "--kind", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    terminal = pexpect.spawn(
        sys.executable, command, cwd=tmp_path, env=environment, timeout=60, encoding="utf-8", dimensions=(30, 200)
    )
    for question, answer in dialogue:
        terminal.expect_exact(question)
        terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0, terminal.before
    assert "boards/mine.yaml: try hil boards --check mine, then hil run --board mine" in terminal.before
    file = tmp_path / "boards" / "mine.yaml"
    text = file.read_text()
    assert [words for words in written if words not in text] == []
    assert [problem.message for problem in problems(file)] == []
    assert (file.parent / SCHEMA).is_file()
