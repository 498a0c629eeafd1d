"""Whatever is typed: no traceback, the exit code of a user's mistake, and a word on what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.checkout import BOARD
from tests.cli.test_commands import hil

if TYPE_CHECKING:
    from tests.cli.checkout import Checkout

LONG = "x" * 5000
NAMES = ("fake-bord", "", "../x", "/dev/null", "somewhere", "a\nb", "\x1b[2J", LONG, "\udcff")
NUMBERS = ("x", "-1", "9" * 30, "nan", "")
FOLDERS = ("nosuch", "/dev/null/x", "file", "somewhere")
ON_BOARDS = (
    ("run", "--no-build", "--board"),
    ("flash", "--no-build", "--board"),
    ("bringup", "--no-build", "--board"),
    ("bench", "--no-build", "--board"),
)


def said(checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command that must fail says, in one line."""
    (checkout.path / "somewhere").mkdir(exist_ok=True)
    (checkout.path / "file").touch()
    capsys.readouterr()
    code = hil(monkeypatch, *words)
    seen = capsys.readouterr()
    assert "Traceback" not in seen.out + seen.err
    assert code == 2, seen.out + seen.err
    return " ".join(seen.err.replace("│", " ").split())


@pytest.mark.parametrize("command", ON_BOARDS, ids=lambda words: words[0])
def test_a_board_that_is_none_is_answered_with_those_that_are(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    for name in NAMES:
        answer = said(checkout, monkeypatch, capsys, *command, name)
        assert answer.startswith("error: there is no board")
        assert answer.endswith("try: fake-board")


@pytest.mark.parametrize(
    "option", [("run", "-n"), ("report", "--history", "-n"), ("lab", "up", "--boards")], ids=" ".join
)
def test_a_number_that_is_none_or_too_large_is_refused(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    for number in NUMBERS:
        assert said(checkout, monkeypatch, capsys, *option, number)


def test_a_directory_without_firmware_is_refused(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in FOLDERS:
        answer = said(checkout, monkeypatch, capsys, "run", "--board", "fake-board", "--firmware", folder)
        assert "while: looking for firmware" in answer


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("nosuch",), "No such command 'nosuch'"),
        (("repport",), "Did you mean 'report'"),
        (("boards", "--jsn"), "No such option: --jsn"),
        (("boards", "fake-board"), "try: hil boards --check fake-board"),
        (("boards", "--watch", "--json"), "exclude each other"),
        (("boards", "--check", "fake-bord"), "try: fake-board"),
        (("run", "--pool", "x", "--board", "y"), "exclude each other"),
        (("run", "--pool", "no such tag"), "try: hil lab up"),
        (("run", "--board", "fake-board", "--retry", "x"), "try: --retry infra=2,flaky=1"),
        (("run", "--board", "fake-board", "--retry", "infra=9999999"), "each at most"),
        (("run", "--board", "fake-board", "--coverage"), "is not emulated"),
        (("build", "--platform", "qemu-vitr"), "there is juno, qemu-virt, rpi4"),
        (("bench", "nosuch", "--board", "fake-board"), "try: --board qemu-virt"),
        (("console", "fake-board"), "needs a terminal"),
        (("report", "nosuch"), "there is no run 'nosuch'"),
        (("report", "/dev/null"), "there is no run"),
        (("new", "board", "../x"), "try: small letters"),
        (("new", "board", "mine", "--like", "rpi5"), "rpi4"),
        (("new", "board", "mine", "--firmware", "nosuch"), "there is no directory nosuch"),
        (("new", "suite", LONG), "at most 64 characters"),
        (("new", "board", "fake-board"), "exists already"),
        (("lab", "status", "--directory", "/dev/null/x"), "'/dev/null/x/lab.json' cannot be used: Not a directory"),
        (("run", "--board", "fake-board", "--firmware", LONG), "cannot be used: File name too long"),
        (("lab", "down", "--directory", "nosuch"), "try: hil lab up"),
        (("lab", "check", "rpi4-1"), "no lab is up"),
        (("lab", "up", "--emulators", "1"), "try: --emulators 0"),
        (("bisect", "--good", "HEAD"), "--test"),
    ],
    ids=lambda given: " ".join(given)[:40] if isinstance(given, tuple) else "",
)
def test_a_mistake_is_answered_with_what_to_do(
    checkout: Checkout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    answer: str,
) -> None:
    board = checkout.path / "boards" / "fake-board.yaml"
    board.write_text(BOARD.replace("kind: emulator", "kind: board"))
    assert answer in said(checkout, monkeypatch, capsys, *words)


@pytest.mark.parametrize(
    "text", ["[tool.hil", "[tool.hil]\nboards = 3\n", "[tool.hil]\nsuites = []\n", "\xff[tool.hil]"]
)
def test_a_broken_pyproject_is_named(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (checkout.path / "pyproject.toml").write_bytes(text.encode("latin-1"))
    assert "pyproject.toml" in said(checkout, monkeypatch, capsys, "boards")


def test_a_directory_in_the_place_of_a_board_file_is_named(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.path / "boards" / "folder.yaml").mkdir()
    assert "folder.yaml: cannot be read: Is a directory" in said(checkout, monkeypatch, capsys, "boards")
