"""Editors complete and check board files as `hil boards --check` does, as far as a schema can say it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from hil.board.file.document import Document
from hil.board.file.keys import MODELINE, SCHEMA
from hil.paths import HIL
from tests.board.file.mistakes import BOARDS, GOOD, HARDLY, MISTAKES
from tests.cli.checkout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = json.loads((BOARDS / SCHEMA).read_text())

BEYOND = {
    "names no image": "another part of the file",
    "names no serial": "another part of the file",
    "names nothing that fits": "another part of the file",
    "needs a `ParamikoDriver`": "another part of the file",
    "several drivers are": "another part of the file",
    "names no driver": "another part of the file",
    "cannot be typed anywhere": "another part of the file",
    "did you mean `firmware`?": "states of one's own are welcome",
    "names no board": "another file",
    "cannot be imported": "a module",
    "unknown feature": "features of one's own are welcome",
    "unknown key `options.": "options of one's own are welcome",
    "no regular expression": "what Python calls one",
    "is there twice": "what YAML is",
    "is not YAML": "what YAML is",
    "contains itself": "what YAML is",
    "could not determine a constructor": "what YAML is",
    "a key must be a plain word": "what YAML is",
}
"""What messages say that no schema can, and what it depends on."""

MORE = [
    ("            monitor:\n", "            monitor: &it\n", "linux: *it\n"),
    ("- { stage: BL2, uart: firmware,", "- { stage: BL2, uarts: firmware,", ""),
    ("            - { uart: firmware, line: 'PANIC' }", "            - { uart: firmware }", ""),
    ("          machine: virt,secure=on,virtualization=on,gic-version=3\n", "", ""),
    ("deadline: 15", "deadline: 0", ""),
    ("- UartDriver: { name: monitor }", "- { cls: UartDrver, name: monitor }", ""),
    ("- UartDriver: { name: monitor }", "- { UartDriver: { name: monitor }, MonitorDriver: {} }", ""),
    ("  kind: emulator", "  kind: 3", ""),
]


def mistakes_in(text: str, directory: Path, schema: dict[str, Any] = SHIPPED) -> list[str]:
    """Return what the schema refuses in the text of a board file, which is read with labgrid's own tag."""
    file = directory / "board.yaml"
    file.write_text(text)
    data = Document(file).data
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(data)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SHIPPED)


def test_the_shipped_schema_is_up_to_date() -> None:
    code = (
        "import sys; from pathlib import Path; from hil.operations.describe.schema import as_text, schema_for; "
        "sys.stdout.write(as_text(schema_for(Path(sys.argv[1]))))"
    )
    made = subprocess.run(  # a process of its own, in which no other test has registered a driver
        [sys.executable, "-c", code, BOARDS], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert made.stdout == (BOARDS / SCHEMA).read_text(), "hil boards --schema"


@pytest.mark.parametrize("board", sorted(BOARDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_wrong_with_our_own_boards(board: Path, tmp_path: Path) -> None:
    assert board.read_text().splitlines()[0] == MODELINE
    assert mistakes_in(board.read_text(), tmp_path) == []


def test_a_checker_of_others_finds_nothing_wrong_with_our_own_boards() -> None:
    boards = [path for path in BOARDS.glob("*.yaml") if "!template" not in path.read_text()]  # a tag of labgrid's
    assert len(boards) >= 8
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", *map(str, (BOARDS / SCHEMA, *boards))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def _expressible(message: str) -> bool:
    return not any(part in message for part in BEYOND)


@pytest.mark.parametrize(
    ("right", "wrong"), [pytest.param(right, wrong, id=said) for right, wrong, said in MISTAKES if _expressible(said)]
)
def test_a_mistake_that_a_schema_can_express_is_refused(tmp_path: Path, right: str, wrong: str) -> None:
    assert mistakes_in(GOOD.replace(right, wrong, 1), tmp_path)


@pytest.mark.parametrize("text", [text for text, said in HARDLY if _expressible(said)])
def test_what_is_hardly_a_board_file_is_refused(tmp_path: Path, text: str) -> None:
    assert mistakes_in(text, tmp_path)


def test_every_excuse_is_needed() -> None:
    messages = [said for *_, said in (*MISTAKES, *HARDLY)]
    assert [part for part in BEYOND if not any(part in said for said in messages)] == []


@pytest.mark.parametrize(("right", "wrong", "behind"), MORE, ids=[wrong or right for right, wrong, _ in MORE])
def test_what_a_class_or_a_strategy_does_not_take_is_refused(
    tmp_path: Path, right: str, wrong: str, behind: str
) -> None:
    text = GOOD.replace(right, wrong, 1)
    if behind:
        text = text.replace("          panics:\n", f"            {behind}          panics:\n")
    assert text != GOOD
    assert mistakes_in(text, tmp_path)


@pytest.mark.parametrize(
    ("right", "fine"),
    [
        ("smp: 4", "smp: !template $LG_PROCESSORS"),
        ("- UartDriver: { name: monitor }", "- { cls: UartDriver, name: monitor }"),
        ("  kind: emulator", "  kind: emulator\n  shelf: 4"),
        ("      snapshots: RAM", "      snapshots: RAM\n      colour: red"),
        ("          smp: 4", "          smp: 4\n          nic: null"),
    ],
)
def test_what_the_check_accepts_is_not_refused(tmp_path: Path, right: str, fine: str) -> None:
    assert right in GOOD
    assert mistakes_in(GOOD.replace(right, fine, 1), tmp_path) == []


OWN = """
import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory

@target_factory.reg_driver
@attr.s(eq=False)
class RackDriver(Driver):
    \"\"\"Switches the lamp of a rack.

    Args:
        colour: of the lamp
    \"\"\"

    bindings = {"port": "SerialPort"}
    colour = attr.ib(validator=attr.validators.in_(["red", "green"]))
    height = attr.ib(default=1, validator=attr.validators.instance_of(int))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository of a user, with a board and a driver of its own."""
    (tmp_path / "pyproject.toml").write_text("[tool.hil]\n")
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards" / "own.py").write_text(OWN)
    (tmp_path / "boards" / "mine.yaml").write_text("imports: [own.py]\ntargets: {main: {}}\n")
    return tmp_path


def hil(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HIL, *arguments], cwd=repository, capture_output=True, text=True, timeout=120, check=False)


def test_drivers_of_a_repository_are_in_its_schema(repository: Path) -> None:
    done = hil(repository, "boards", "--schema")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"boards/{SCHEMA}: ")
    schema = json.loads((repository / "boards" / SCHEMA).read_text())
    described = schema["$defs"]["drivers.RackDriver"]
    assert described["description"] == "Switches the lamp of a rack."
    assert described["properties"]["colour"] == {"description": "of the lamp", "enum": ["red", "green"]}
    assert described["required"] == ["colour"]

    def refused(attributes: str) -> list[str]:
        text = f"imports: [own.py]\ntargets: {{main: {{drivers: [RackDriver: {{{attributes}}}]}}}}\n"
        return mistakes_in(text, repository, schema)

    assert refused("colour: red, height: 3, bindings: {port: line}") == []
    for wrong in (
        "color: red",
        "colour: blue",
        "height: 3",
        "colour: red, height: tall",
        "colour: red, bindings: {x: y}",
    ):
        assert refused(wrong), wrong
    assert "drivers.RackDriver" not in SHIPPED["$defs"]


def test_a_new_board_names_a_schema_that_is_there(repository: Path) -> None:
    assert hil(repository, "new", "board", "virt").returncode == 0
    assert (repository / "boards" / "virt.yaml").read_text().splitlines()[0] == MODELINE
    schema = json.loads((repository / "boards" / SCHEMA).read_text())
    assert "drivers.RackDriver" in schema["$defs"]
    assert mistakes_in((repository / "boards" / "virt.yaml").read_text(), repository, schema) == []


def test_a_repository_whose_driver_is_broken_is_told_so(repository: Path) -> None:
    (repository / "boards" / "own.py").write_text("1/0\n")
    done = hil(repository, "boards", "--schema")
    assert done.returncode == 2
    assert "`own.py` cannot be imported: ZeroDivisionError" in done.stderr
    assert not (repository / "boards" / SCHEMA).exists()
