"""Whatever is wrong with a board file is said with its line, its key and the nearest valid name, and all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.board.file.check import problems
from hil.board.file.keys import FEATURES
from hil.board.file.reference import reference
from hil.session.plugin.markers import NEEDS

BOARDS = Path(__file__).parents[3] / "boards"
GOOD = (BOARDS / "qemu-virt.yaml").read_text()

MISTAKES = [
    ("features:", "fetures:", "unknown key `targets.main.fetures`; did you mean `features`?"),
    ("\nimages:", "\nimage:", "unknown key `image`; did you mean `images`?"),
    ("HilQEMUDriver:", "HilQemuDriver:", "there is no `HilQemuDriver`; did you mean `HilQEMUDriver`?"),
    ("memory:", "memmory:", "unknown key `targets.main.drivers.HilQEMUDriver.memmory`; did you mean `memory`?"),
    ("smp: 4", "smp: four", "`targets.main.drivers.HilQEMUDriver.smp` is 'four'; it must be a whole number"),
    ("args: [-nodefaults]", "args: -nodefaults", "HilQEMUDriver.args` is '-nodefaults'; it must be a list, each text"),
    ("bios: flash", "bios: flsh", "HilQEMUDriver.bios` names no image: `flsh`; did you mean `flash`?"),
    ("- UartDriver: { name: firmware }", "- UartDriver: { name: frmware }", "UartDriver.name` names no serial line"),
    ("console: monitor", "consol: monitor", "unknown key `targets.main.drivers.MonitorDriver.bindings.consol`"),
    ("console: monitor", "console: montor", "MonitorDriver.bindings.console` names nothing that fits: `montor`;"),
    ("secure_space: pro", "secure_spaces: pro", "unknown feature `secure_spaces`; did you mean `secure_space`?"),
    ("secure_space: protected", "secure_space: protectd", "secure_space` is 'protectd'; did you mean `protected`?"),
    ("kind: emulator", "kind: emulater", "`options.kind` is 'emulater'; did you mean `emulator`?"),
    ("description:", "descripton:", "unknown key `options.descripton`; did you mean `description`?"),
    ("linux_board: qemu-virt-linux", "linux_board: qemu-lnux", "`options.linux_board` names no board: `qemu-lnux`"),
    ("stage2_write_check: QEMU", "stage2_write_chek: QEMU", "unknown feature `stage2_write_chek`; did you mean"),
    ("- hil.drivers", "- hil.driver", "`hil.driver` cannot be imported: No module named 'hil.driver'; did you mean"),
    ("            firmware:\n", "            firmwear:\n", "no board state `firmwear`; did you mean `firmware`?"),
    ("deadline: 15", "deadline: soon", "`states.monitor.deadline` is 'soon'; it must be a number of seconds above 0"),
    ("stage: BL2, uart: firmware", "stage: BL2, uart: uart1", "`states.firmware.banners[1].uart` names no serial"),
    ("'Unhandled Exception'", "'Unhandled ('", "`panics[1].line` is no regular expression"),
    ("      - MonitorDriver:", "      - x: {}\n        y:", "an entry is a class and its attributes"),
    ("  qemu: qemu-system", "  qemu: qemu\n  qemu: qemu-system", "`tools.qemu` is there twice, first in line 7"),
    ("  qemu: qemu-system", "\tqemu: qemu-system", "is not YAML: there is a tab"),
    ("  kind: emulator", "  kind: &a [*a]", "`options.kind[0]` contains itself"),
    ("  flash: ../build", "  flash: [x]\n  other: ../build", "`images.flash` is ['x']; it must be text"),
    ("  kind: emulator", "  kind: !secret x", "could not determine a constructor for the tag '!secret'"),
    ("- UartDriver: { name: monitor }", "- RawSerialPort: { port: x }", "is one of the resources, not of"),
    ("- UartDriver: { name: monitor }", "- UartDriver:", "`targets.main.drivers.UartDriver` has no attributes"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES, ids=[message for _, _, message in MISTAKES])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in GOOD
    text = GOOD.replace(right, wrong, 1)
    board = _board(tmp_path, text)
    found = {one.message: one.line for one in problems(board)}
    (said,) = [one for one in found if message in one]
    changed = [n for n, (a, b) in enumerate(zip(GOOD.splitlines(), text.splitlines(), strict=False), 1) if a != b]
    assert found[said] - changed[0] in (0, 1)


def test_all_mistakes_are_said_at_once_from_top_to_bottom(tmp_path: Path) -> None:
    text = GOOD.replace("kind:", "kin:").replace("memory:", "memmory:").replace("deadline: 15", "deadline: -1")
    lines = [one.line for one in problems(_board(tmp_path, text))]
    expected = [number for number, line in enumerate(GOOD.splitlines(), 1) if _any(line, "kind:", "memory:", ": 15")]
    assert set(expected) <= set(lines)
    assert lines == sorted(lines)


def _any(line: str, *parts: str) -> bool:
    return any(part in line for part in parts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- a\n", "this is not a mapping"),
        ("targets: {}\n", "there is no target"),
        ("targets: 3\n", "`targets` is 3; it must be a mapping"),
        ("targets: {main: 3}\n", "`targets.main` is no mapping"),
        ("imports: hil.drivers\ntargets: {main: {}}\n", "`imports` is 'hil.drivers'; it must be a list of texts"),
        ("targets: [\n", "is not YAML"),
        ("? [a]\n: 1\n", "a key must be a plain word"),
        ("targets: {main: {drivers: [3]}}\n", "an entry is a class and its attributes"),
        ("targets: {main: {drivers: 3}}\n", "`targets.main.drivers` is 3; it must be"),
    ],
)
def test_what_is_hardly_a_board_file_is_said_to_be_none(tmp_path: Path, text: str, message: str) -> None:
    assert [one for one in problems(_board(tmp_path, text)) if message in one.message]


def test_a_file_that_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "binary.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    assert [one.at(file) for one in problems(file)] == [f"{file}: is not text in UTF-8"]
    assert [one.message for one in problems(tmp_path)] == ["cannot be read: Is a directory"]


def test_a_driver_above_what_it_uses_is_told_to_move(tmp_path: Path) -> None:
    driver = "      - MonitorDriver:\n          bindings: { console: monitor }\n"
    board = GOOD.replace(driver, "").replace(
        "      - UartDriver: { name: monitor }", driver + "      - UartDriver: { name: monitor }"
    )
    (found,) = problems(_board(tmp_path, board))
    assert "MonitorDriver.bindings.console`: `UartDriver` comes further below; move it above" in found.message


def test_a_driver_without_what_it_uses_is_told_what_there_could_be(tmp_path: Path) -> None:
    board = GOOD.replace("      - UartDriver: { name: monitor }\n", "").replace(
        "          bindings: { console: monitor }\n", ""
    )
    found = problems(_board(tmp_path, board.replace("- MonitorDriver:\n", "- SSHDriver: {}\n")))
    assert ["SSHDriver.bindings.networkservice`: there is no NetworkService" in one.message for one in found] == [True]


def test_a_required_attribute_that_is_missing_is_named(tmp_path: Path) -> None:
    (found,) = problems(
        _board(tmp_path, GOOD.replace("          machine: virt,secure=on,virtualization=on,gic-version=3\n", ""))
    )
    assert found.message == "`targets.main.drivers.HilQEMUDriver.machine` is missing"


def test_features_and_options_of_ones_own_are_welcome(tmp_path: Path) -> None:
    text = GOOD.replace("  kind:", "  rack: 4\n  kind:").replace("features:\n", "features:\n      can_bus: two\n")
    assert problems(_board(tmp_path, text)) == []


def test_drivers_of_ones_own_in_a_file_beside_the_board_are_known(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import attr\nfrom labgrid.driver import Driver\nfrom labgrid.factory import target_factory\n"
        "@target_factory.reg_driver\n@attr.s(eq=False)\nclass OwnDriver(Driver):\n    colour = attr.ib()\n"
    )
    text = GOOD.replace("imports:\n", "imports:\n  - own.py\n").replace(
        "drivers:\n", "drivers:\n      - OwnDriver: {color: 1}\n"
    )
    for _ in range(2):  # labgrid, too, must be able to import it after us
        found = [one.message for one in problems(_board(tmp_path, text))]
        assert any("OwnDriver.color`; did you mean `colour`?" in one for one in found)
    (tmp_path / "own.py").write_text("1/0\n")
    assert any(
        "`own.py` cannot be imported: ZeroDivisionError" in one.message for one in problems(_board(tmp_path, text))
    )


@pytest.mark.parametrize("board", sorted(BOARDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_wrong_with_our_own(board: Path) -> None:
    assert problems(board) == []


def test_every_key_is_described() -> None:
    for part, keys in reference().items():
        for key in keys:
            assert key.meaning, f"{part}.{key.name}"


def test_features_that_markers_ask_for_are_described() -> None:
    assert {need.feature for need in NEEDS.values()} <= FEATURES.keys()


def _board(directory: Path, text: str) -> Path:
    """Write the board file, and those that its options name."""
    (directory / "qemu-virt-linux.yaml").touch()
    board = directory / "board.yaml"
    board.write_text(text)
    return board
