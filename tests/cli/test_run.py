"""`hil run` runs what it is told to, and returns whose fault it was."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import hil.firmware
from hil import cli
from hil.board.builds import bring_up_to_date
from hil.lab.boards.lab import Places
from hil.lab.client import PlaceStatus
from hil.session.scheduler import LocalSeat
from hil.session.tree import Tree
from tests.cli.checkout import BOARD

if TYPE_CHECKING:
    from hil.session.roles import Role
    from tests.cli.checkout import Checkout

RUN = ("run", "--board", "fake-board")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("pass", 0),
        ("assert False", 1),
        ("monitor.fail('MissingTool', 'no swtpm')", 2),
        ("monitor.fail('BoardDied', 'gone')", 3),
    ],
)
def test_the_exit_code_says_whose_fault_it_was(checkout: Checkout, body: str, code: int) -> None:
    checkout.suite(f"def test_a(monitor): {body}")
    done = checkout.hil(*RUN)
    assert done.returncode == code, done.stdout + done.stderr


def test_a_table_and_the_place_of_the_record_end_the_run(checkout: Checkout) -> None:
    done = checkout.hil(*RUN)
    record = (checkout.path / "reports" / "latest").resolve().name
    assert f"board fake-board, firmware unknown: passed (exit code 0); record in reports/{record}" in done.stdout
    assert "subject" in done.stdout
    assert "1 passed" in done.stdout.splitlines()[-1]


def test_a_failure_is_explained_by_what_was_seen_and_what_to_try(checkout: Checkout) -> None:
    checkout.suite(
        """
        def test_a(monitor):
            monitor.say(b"PANIC at 0x0\\n")
            monitor.fail("Panic", "BL31 panicked")
        """
    )
    lines = checkout.hil(*RUN).stdout.splitlines()
    start = lines.index("suites/subject/test_subject.py::test_a: firmware")
    assert lines[start + 1] == "  BL31 panicked (suites/subject/test_subject.py:5)"
    assert lines[start + 2] == "  at stage monitor; last heard on monitor: PANIC at 0x0"
    assert lines[start + 3] == "  try: look at the cable"


def test_a_terminal_shows_one_board_as_it_shows_several(checkout: Checkout) -> None:
    seen = checkout.hil_in_a_terminal(*RUN)
    assert "1/1" in seen
    assert "test session starts" not in seen
    assert "record in reports/" in seen


def test_who_asks_pytest_to_be_verbose_sees_what_pytest_says(checkout: Checkout) -> None:
    assert "test session starts" in checkout.hil_in_a_terminal(*RUN, "-xv")


def test_options_of_pytest_pass_through(checkout: Checkout) -> None:
    checkout.suite("def test_a(monitor): pass\ndef test_b(monitor): assert False")
    done = checkout.hil(*RUN, "-k", "test_a", "-v", "suites/subject")
    assert done.returncode == 0
    assert "1 passed, 1 deselected" in done.stdout


def test_json_is_all_that_standard_output_has(checkout: Checkout) -> None:
    done = checkout.hil(*RUN, "--json")
    assert json.loads(done.stdout)["verdict"] == "passed"
    assert "1 passed" in done.stderr


def test_a_suite_that_is_not_there_is_the_users_mistake(checkout: Checkout) -> None:
    done = checkout.hil(*RUN, "suites/nosuch.py")
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr


def test_a_board_that_is_not_there_is_answered_with_the_nearest_name(checkout: Checkout) -> None:
    done = checkout.hil("run", "--board", "fake-bord")
    assert done.returncode == 2
    assert done.stderr == "error: there is no board 'fake-bord'\n  try: fake-board\n"


def test_without_a_board_the_first_usable_one_of_the_order_runs_and_the_record_says_why(
    checkout: Checkout,
) -> None:
    _unplugged(checkout)
    with (checkout.path / "pyproject.toml").open("a") as settings:
        settings.write('[tool.hil]\nboards = ["unplugged", "fake-board"]\n')
    done = checkout.hil("run")
    assert done.returncode == 0, done.stdout + done.stderr
    why = "unplugged: there is no serial port /dev/no-such"
    assert done.stdout.splitlines()[0] == "board fake-board (unplugged cannot be used now: hil boards)"
    latest = checkout.path / "reports" / "latest"
    assert json.loads((latest / "run.json").read_text())["boards"][0]["why"] == why
    assert f'<property name="chosen" value="{why}"' in (latest / "junit.xml").read_text()


def test_a_board_that_only_the_lab_has_is_leased(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _unplugged(checkout)
    file = checkout.path / "boards" / "unplugged.yaml"
    leased: list[tuple[list[str], int | None]] = []

    def seats(_tree: Tree, tags: list[str], number: int | None, *, each: bool) -> tuple[list[LocalSeat], list[Role]]:
        assert not each
        leased.append((tags, number))
        return [LocalSeat("unplugged-1", "unplugged", file, emulated=False)], []

    place = PlaceStatus("rack-1", {"board": "unplugged"}, "free", "", "good", "")
    monkeypatch.setattr("hil.cli.boards.places_of", lambda _: Places(lambda: [place]))
    monkeypatch.setattr("hil.cli.run._seats_of_the_lab", seats)
    monkeypatch.setattr("sys.argv", ["hil", "run"])
    with (checkout.path / "pyproject.toml").open("a") as settings:
        settings.write('[tool.hil]\nboards = ["unplugged", "fake-board"]\n')
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    assert leased == [(["board=unplugged"], 1)]
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "board unplugged of the lab"


def test_a_board_that_was_named_is_never_replaced_by_another(checkout: Checkout) -> None:
    _unplugged(checkout)
    done = checkout.hil("run", "--board", "unplugged")
    assert "board unplugged, firmware unknown: passed" in done.stdout


def _unplugged(checkout: Checkout) -> None:
    """Add a board whose serial port is not there."""
    port = "    resources: {RawSerialPort: {port: /dev/no-such}}\n    drivers:"
    (checkout.path / "boards" / "unplugged.yaml").write_text(BOARD.replace("    drivers:", port))


def test_the_firmware_is_brought_up_to_date_only_for_boards_that_use_ours(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    monkeypatch.setattr(hil.firmware, "build", lambda platform, **_: built.append(platform))
    board = Tree(checkout.path).board("fake-board")
    bring_up_to_date(replace(board, images={"flash": checkout.path / "vendor" / "flash.bin"}))
    assert built == []
    bring_up_to_date(
        replace(board, platform="qemu-virt", images={"flash": hil.firmware.build_directory("qemu-virt") / "flash.bin"})
    )
    assert built == ["qemu-virt"]
