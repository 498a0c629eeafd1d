"""Pools, bisection, retries, flashing, consoles and saved states work on boards that have nothing of ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect  # type: ignore[import-untyped]
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.examples.conftest import Example

ROOT = Path(__file__).parents[2]
SECONDS = 240
FETCH = ("firmware", "fetch", "u-boot-qemu", "usr/lib/u-boot/qemu_arm64/u-boot.bin")
SUITE = "tests/test_uboot.py"
LEAVE = "\x1d"

DIES_ONCE = """
import os, signal
from pathlib import Path

SEEN = Path(__file__).with_name("seen")

def test_the_prompt_answers(board, uboot):
    if not SEEN.exists():
        SEEN.touch()
        os.kill(board.strategy.board.emulator.pid, signal.SIGKILL)
    assert uboot.run("echo back").text == "back"
"""

LABGRIDS_DRIVERS = """
      - UBootDriver: { prompt: '=> ', autoboot: 'Hit any key to stop autoboot' }
      - ShellDriver: { prompt: '\\S* # ', login_prompt: ' login: ', username: root }
"""
PROMPTS_OF_LABGRID = """
import pytest
from hil.errors import CommandFailed, CommandTimeout

def test_a_command_has_output_and_status(uboot):
    assert uboot.run("printenv bootdelay").text == "bootdelay=2"
    uboot.run("setenv left 1")
    with pytest.raises(CommandFailed):
        uboot.run("printenv nothing")

def test_the_next_test_has_nothing_of_it(uboot):
    assert uboot.run("printenv left", check=False).status != 0

def test_the_shell_has_the_same(shell):
    assert shell.run("uname -s").lines == ["Linux"]
    assert shell.run("ls /nowhere", check=False).status == 1
    with pytest.raises(CommandTimeout):
        shell.run("sleep 20", timeout=0.5)
"""
KEEPS = """
def test_a_state_is_kept_at_each_prompt(board):
    strategy = board.strategy
    for state, keep, look in (
        ("uboot", "setenv kept 1", "printenv kept"), ("login", "echo kept=1 > /tmp/kept", "cat /tmp/kept")
    ):
        strategy.fork_at(state).run(keep)
        kept = strategy.keep()
        assert strategy.fork_at(state, kept).run(look).text.strip() == "kept=1"
        assert strategy.fork_at(state).run(look, check=False).status == 1
    said = [line.text for line in strategy.transcripts["console"].since(0)]
    assert not [line for line in said if "/proc/net" in line or "usleep" in line]
"""


@dataclass(frozen=True, slots=True)
class Repository:
    """A copy of an example, and `hil` in it."""

    path: Path

    def hil(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hil", *words],
            cwd=self.path,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def terminal(self, *words: str) -> Any:
        return pexpect.spawn(
            sys.executable,
            ["-m", "hil", *words],
            cwd=self.path,
            env={**os.environ, "TERM": "dumb", "PYTHONPATH": str(ROOT)},
            timeout=SECONDS,
            dimensions=(30, 120),
            encoding="utf-8",
        )

    def write(self, name: str, text: str) -> str:
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return name

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.path / "reports" / "latest" / "run.json").read_text())
        return record


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of U-Boot, with its image."""
    path = tmp_path_factory.mktemp("foreign") / "uboot"
    shutil.copytree(ROOT / "examples" / "uboot", path, ignore=shutil.ignore_patterns("reports", "firmware"))
    Repository(path).hil(*FETCH)
    return path


@pytest.fixture
def uboot(built: Path, tmp_path: Path) -> Repository:
    return Repository(shutil.copytree(built, tmp_path / "uboot"))


@pytest.mark.emulator
def test_a_seat_of_a_lab_runs_the_tests_of_uboot(uboot: Repository) -> None:
    uboot.hil("lab", "up", "--boards", "0", "--emulators", "1", "--detach")
    try:
        uboot.hil("run", "--pool", "board=qemu-uboot")
    finally:
        uboot.hil("lab", "down")
    cases = uboot.record["cases"]
    assert [case["outcome"] for case in cases] == ["passed"] * 7
    assert {dict(case["properties"]).get("place") for case in cases} == {"qemu-uboot-1"}


@pytest.mark.emulator
def test_a_bisection_of_builds_names_the_one_that_changed_the_environment(uboot: Repository) -> None:
    image = (uboot.path / "firmware" / "u-boot.bin").read_bytes()
    slower = image.replace(b"bootdelay=2", b"bootdelay=3")
    assert slower != image
    for name, content in (("old", image), ("new", slower), ("newest", slower + b"\0")):
        (uboot.path / name).mkdir()
        (uboot.path / name / "u-boot.bin").write_bytes(content)
    test = f"{SUITE}::test_the_boot_can_be_stopped_for_two_seconds"
    said = uboot.hil("bisect", "--board", "qemu-uboot", "--canary", "", "--test", test, "old", "new", "newest")
    assert f"first bad: {uboot.path / 'new'}\n" in said
    assert "'bootdelay=3' == 'bootdelay=2'" in said


@pytest.mark.emulator
def test_a_bisection_of_revisions_asks_for_the_command_that_builds_them(uboot: Repository) -> None:
    said = uboot.hil("bisect", "--good", "v1", "--board", "qemu-uboot", "--test", SUITE, "--canary", "", code=2)
    assert "no build of this tree makes the images of qemu-uboot" in said
    assert "--build COMMAND" in said


@pytest.mark.emulator
def test_a_test_whose_emulator_died_runs_again_after_an_infrastructure_fault(uboot: Repository) -> None:
    uboot.write("tests/test_dies.py", DIES_ONCE)
    uboot.hil("run", "tests/test_dies.py", code=3)
    (uboot.path / "tests" / "seen").unlink()
    uboot.hil("run", "--retry", "infra=1", "tests/test_dies.py")
    (case,) = uboot.record["cases"]
    assert (uboot.record["verdict"], case["outcome"]) == ("flaky", "flaky")
    assert [(attempt["outcome"], [f["type"] for f in attempt.get("faults", [])]) for attempt in case["attempts"]] == [
        ("error", ["BoardDied"]),
        ("passed", []),
    ]


@pytest.mark.emulator
def test_flash_builds_nothing_and_says_where_the_image_went(uboot: Repository) -> None:
    plan = uboot.hil("flash", "--board", "qemu-uboot", "--dry-run")
    assert str(uboot.path / "firmware" / "u-boot.bin") in plan
    assert "qemu-uboot: flashed and read back" in uboot.hil("flash", "--board", "qemu-uboot")
    (uboot.path / "firmware" / "u-boot.bin").unlink()
    assert "u-boot.bin" in uboot.hil("flash", "--board", "qemu-uboot", code=2)


def test_build_says_that_the_images_of_such_boards_come_from_elsewhere(uboot: Repository) -> None:
    assert "no board of this tree starts from firmware that hil builds" in uboot.hil("build", code=2)
    said = uboot.hil("build", "--platform", "qemu-uboot", code=2)
    assert "qemu-uboot starts from images that hil does not build" in said
    assert "u-boot.bin" in said
    assert "there is no platform 'qemu-ubot'" in uboot.hil("build", "--platform", "qemu-ubot", code=2)


@pytest.mark.emulator
def test_a_person_can_stop_the_boot_and_type_at_the_prompt(uboot: Repository) -> None:
    console = uboot.terminal("console", "qemu-uboot")
    console.expect("Hit any key")
    console.send(" ")
    console.expect_exact("=> ")
    console.send("printenv bootdelay\r")
    console.expect_exact("bootdelay=2")
    console.send(LEAVE)
    console.expect_exact("qemu-uboot is off")
    console.expect(pexpect.EOF)
    console.close()
    assert console.exitstatus == 0
    assert "hil_boot" not in console.before


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ssh", "no state of this board has SSH"),
        ("guest", "this board does not boot into a Linux of ours, which has the guests"),
        ("uart9", "qemu-uboot has no serial line `uart9`"),
    ],
)
def test_a_console_that_such_a_board_lacks_is_said_before_it_is_switched_on(
    uboot: Repository, line: str, why: str
) -> None:
    console = uboot.terminal("console", "qemu-uboot", line)
    console.expect(pexpect.EOF)
    console.close()
    assert console.exitstatus == 2
    assert why in console.before
    assert "Traceback" not in console.before


@pytest.mark.emulator
def test_labgrids_own_drivers_and_a_board_with_two_prompts(example: Callable[[str], Example]) -> None:
    repository = example("tfa-uboot-linux")
    repository.build()
    board = (repository.path / "boards" / "tfa-uboot-linux.yaml").read_text()
    ours = board[board.index("      - UBootPromptDriver") : board.index("      - BoardStrategy")]
    theirs = board.replace(ours, f"{LABGRIDS_DRIVERS}\n").replace("UBootPromptDriver", "UBootDriver")
    tree = Repository(repository.path)
    tree.write("boards/labgrid.yaml", theirs.replace("LoginShellDriver", "ShellDriver"))
    tree.write("more/test_prompts.py", PROMPTS_OF_LABGRID)
    tree.write("more/test_keep.py", KEEPS)
    tree.hil("run", "--board", "labgrid", "more")
    assert [case["outcome"] for case in tree.record["cases"]] == ["passed"] * 4
    tree.hil("run", "--board", "tfa-uboot-linux", "more/test_keep.py")
    assert [case["outcome"] for case in tree.record["cases"]] == ["passed"]
