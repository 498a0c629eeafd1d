"""A board file that is not filled in, or names images that are not there, is said so before anything else is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.checkout import BOARD, ROOT

if TYPE_CHECKING:
    from tests.cli.checkout import Checkout

PORT = "    resources: {RawSerialPort: {port: '<its port>'}}\n    drivers:"


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--board", "mine"),
        ("flash", "--board", "mine"),
        ("flash", "--dry-run", "--board", "mine"),
        ("bringup", "--board", "mine"),
        ("console", "mine"),
        ("boards", "--check", "mine"),
        ("bisect", "--board", "mine", "--test", "x", "--good", "HEAD"),
        ("bench", "--board", "mine"),
    ],
)
def test_every_command_that_takes_a_board_names_what_is_not_filled_in(
    checkout: Checkout, command: tuple[str, ...]
) -> None:
    (checkout.path / "boards" / "mine.yaml").write_text(BOARD.replace("    drivers:", PORT))
    done = checkout.hil(*command)
    assert done.returncode == 2, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "boards/mine.yaml:5:" in said
    assert "is not filled in: <its port>" in said
    assert not (checkout.path / "reports").exists()


def test_the_table_of_boards_says_it_too_and_a_run_takes_another_board(checkout: Checkout) -> None:
    (checkout.path / "boards" / "mine.yaml").write_text(
        BOARD.replace("    drivers:", PORT).replace("kind: emulator", "kind: board")
    )
    assert "boards/mine.yaml:5:" in checkout.hil("boards").stdout
    done = checkout.hil("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "board fake-board (mine cannot be used now: hil boards)"


def test_plain_pytest_says_it_as_well(checkout: Checkout) -> None:
    (checkout.path / "boards" / "fake-board.yaml").write_text(BOARD.replace("    drivers:", PORT))
    done = checkout.pytest("--lg-env", "boards/fake-board.yaml", "suites")
    assert done.returncode == 2
    assert "is not filled in: <its port>" in done.stdout + done.stderr


def test_an_image_that_is_not_there_is_named_before_anything_is_recorded(checkout: Checkout) -> None:
    (checkout.path / "boards" / "images").mkdir()
    (checkout.path / "boards" / "images" / "flash.bin").touch()
    text = f"{BOARD}images:\n  flash: images/flsh.bin\n"
    line = text.splitlines().index("  flash: images/flsh.bin") + 1
    (checkout.path / "boards" / "fake-board.yaml").write_text(text)
    for command in (("run", "--board", "fake-board"), ("boards", "--check", "fake-board"), ("boards", "--check")):
        done = checkout.hil(*command)
        assert done.returncode == 2, done.stdout + done.stderr
        said = done.stdout + done.stderr
        assert f"boards/fake-board.yaml:{line}:" in said
        assert "/boards/images/flsh.bin; did you mean `flash.bin`?" in said
    assert not (checkout.path / "reports").exists()


def test_an_image_that_a_build_makes_is_only_noted(checkout: Checkout) -> None:
    image = ROOT / "build" / "nosuch" / "flash.bin"
    (checkout.path / "boards" / "fake-board.yaml").write_text(f"{BOARD}images:\n  flash: {image}\n")
    done = checkout.hil("boards", "--check", "fake-board")
    assert done.returncode == 0, done.stdout
    assert "`images.flash`: flash.bin is not built; `hil build --platform nosuch` makes it" in done.stdout
