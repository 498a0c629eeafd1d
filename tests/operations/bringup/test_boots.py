"""Boots of real boards, after public reports, are judged rightly: how far they came, and what was wrong."""

from __future__ import annotations

import json
import re
import select
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hil.board.file import labgridenv
from hil.board.strategy.restart import PAUSE_SECONDS
from hil.operations.bringup import BringUp, StageOutcome
from tests.cli.checkout import ROOT
from tests.simulators.board import IMAGE, SimulatedBoard, SimulatedPower
from tests.simulators.serial import PtyWire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.strategy import BoardStrategy

FOLDER = Path(__file__).with_name("boots")
KNOWN: dict[str, Any] = yaml.safe_load((FOLDER / "boots.yaml").read_text())
BOOTS: dict[str, dict[str, Any]] = KNOWN["boots"]
LONG = 60.0
GIVEN_UP = 1.0
"""Seconds after which a boot that says no more is given up; its lines come within milliseconds."""
AT_THE_DEADLINE = ("BootHang", "BoardSilent", "ConsoleInterrupted")
SILENCE = 2 * PAUSE_SECONDS
AFTER_BOOT = ("version", "instance", "tpm")
"""Stages in which bring-up asks the service, which none of these boards has."""


class Speaker(SimulatedBoard):
    """Says a log, with its silences."""

    def say(self, data: bytes) -> None:
        silence = data.startswith(b"~") and len(data.splitlines()) == 1
        if silence:
            select.select([self._stop], [], [], SILENCE)
        else:
            super().say(data)


class RecordedBoard:
    """A board that says on its first serial line what a log has, and nothing on the others."""

    def __init__(self, directory: Path, boot: str) -> None:
        self.directory = directory
        self.boot = BOOTS[boot]
        self.log = (FOLDER / f"{boot}.log").read_bytes().replace(b"\n", b"\r\n")
        self.plan = self._plan()
        self.uarts = sorted({line["uart"] for line in self._lines()} | {"monitor"}, key=lambda uart: uart != "monitor")
        self.wires = {uart: PtyWire(directory / f"tty-{uart}") for uart in self.uarts}
        self.board = Speaker(self.wires["monitor"].board, lambda: IMAGE)
        self.board.banners = tuple(re.split(rb"^(~.*\n)", self.log, flags=re.MULTILINE))
        SimulatedPower.boards[boot] = self.board
        self._environment = labgridenv.load(self._board_file(boot))

    @property
    def strategy(self) -> BoardStrategy:
        found: BoardStrategy = labgridenv.target(self._environment).get_strategy()
        return found

    @property
    def platform(self) -> str:
        return str(self.boot.get("board", ""))

    def close(self) -> None:
        self._environment.cleanup()
        self.board.off()
        for wire in self.wires.values():
            wire.close()

    def _plan(self) -> dict[str, Any]:
        """What the strategy of the board's file says, or that of a board with these stages; the last is the monitor."""
        if self.platform:
            content = yaml.safe_load((ROOT / "boards" / f"{self.platform}.yaml").read_text())
            (plan,) = (entry for entry in content["targets"]["main"]["drivers"] if "BoardStrategy" in entry)
            found: dict[str, Any] = plan["BoardStrategy"]
        else:
            stages = [
                {"stage": stage, "uart": "monitor", "line": KNOWN["stages"][stage]} for stage in self.boot["stages"]
            ]
            states = {"firmware": {"banners": stages[:-1]}, "monitor": {"banners": stages[-1:]}}
            panics = [{"uart": "monitor", "line": line} for line in KNOWN["panics"]]
            found = {"states": states, "panics": panics}
        for state in found["states"].values():
            state["deadline"] = (
                GIVEN_UP if self.boot.get("error") in ("BootHang", "BoardSilent", "ConsoleInterrupted") else LONG
            )
        return found

    def _lines(self) -> Iterator[dict[str, str]]:
        yield from self.plan["panics"]
        for state in self.plan["states"].values():
            yield from state["banners"]

    def _board_file(self, outlet: str) -> Path:
        path = self.directory / "recorded.yaml"
        ports = [{"RawSerialPort": {"name": uart, "port": str(wire.link)}} for uart, wire in self.wires.items()]
        drivers = [
            {"SimulatedPower": {"outlet": outlet}},
            {"SerialBoardDriver": {"uarts": self.uarts, "rest": 0}},
            *({"UartDriver": {"name": uart}} for uart in self.uarts),
            {"MonitorDriver": {"bindings": {"console": "monitor"}}},
            {"BoardStrategy": self.plan},
        ]
        imports = ["hil.drivers", "hil.strategies", "tests.simulators.board"]
        content = {"imports": imports, "targets": {"main": {"resources": ports, "drivers": drivers}}}
        path.write_text(json.dumps(content))
        return path


@pytest.fixture
def recorded(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RecordedBoard]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    board = RecordedBoard(tmp_path, request.param)
    yield board
    board.close()


def test_there_are_twenty_boots_and_each_has_its_log() -> None:
    assert len(BOOTS) >= 20
    assert {path.stem for path in FOLDER.glob("*.log")} == set(BOOTS)
    assert all(boot["source"] for boot in BOOTS.values())


@pytest.mark.parametrize("recorded", BOOTS, indirect=True)
def test_a_boot_is_judged_by_its_stage_and_its_cause(recorded: RecordedBoard) -> None:
    expected = recorded.boot
    bring_up = BringUp(recorded.strategy, {}, platform=recorded.platform)
    steps = bring_up.run()
    (stopped,) = (step for step in steps if step.outcome is StageOutcome.STOPPED)
    if expected["stops"] == "passed":
        assert stopped.stage.name in AFTER_BOOT, stopped
        return
    assert stopped.stage.name == expected["stops"], stopped
    assert type(bring_up.error).__name__ == expected["error"]
    whys = [cause.why for cause in stopped.causes[:2]]
    assert any(expected["cause"] in why for why in whys), stopped.causes
    assert not any("other firmware runs there" in cause.why for cause in stopped.causes)
