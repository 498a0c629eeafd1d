"""Each stage of the Raspberry Pi 4's twin is broken in turn, on its card or in memory: bring-up names that stage."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hil.board.drivers import twin
from hil.board.file import labgridenv
from hil.errors import ExitCode
from hil.firmware import build
from hil.operations.bringup import BringUp, BringUpStep, StageOutcome
from hil.target.crash import find_elfs
from tests.cli.checkout import ROOT
from tests.simulators.damage import LOOP, UNDEFINED, address_of, overwrite

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.emulator

BOARD = ROOT / "boards" / "rpi4-twin.yaml"
BUILD = ROOT / "build" / "rpi4"
SILENCE = 2.0
"""Seconds after which a boot that says nothing is given up; nothing that a slow machine could be late with."""

GARBAGE = """
_start: mrs x0, mpidr_el1
        and x0, x0, #3
        cbnz x0, .
        ldr x1, =0xfe201000         // PL011
        mov w3, #0xa5
        mov w5, #400
1:      ldr w4, [x1, #0x18]
        tbnz w4, #5, 1b
        str w3, [x1]
        subs w5, w5, #1
        b.ne 1b
        b .
        .org 0xf0
        .word 0x5afe570b, 0, 0, 0   // as TF-A's: it wants to be told addresses
        .ltorg
"""


class Twin:
    """Makes a twin whose images and settings differ from those of the board file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.content: dict[str, Any] = yaml.safe_load(BOARD.read_text())
        del self.content["options"]["linux_board"]  # not beside the changed one
        images = self.content["images"]
        self.content["images"] = {key: str((BOARD.parent / path).resolve()) for key, path in images.items()}
        self.content["images"] |= {"card": str(directory / "card.img"), "config": str(directory / "config.txt")}
        self.drivers: dict[str, Any] = {}
        for entry in self.content["targets"]["main"]["drivers"]:
            self.drivers |= entry
        self._environments: list[Any] = []

    def image(self, key: str, data: bytes) -> None:
        """Put other bytes in the place of an image."""
        path = self.directory / f"{key}.bin"
        path.write_bytes(data)
        self.content["images"][key] = str(path)

    def damaged(self, key: str, at: int, data: bytes) -> None:
        """Overwrite a part of an image."""
        good = Path(self.content["images"][key]).read_bytes()
        self.image(key, good[:at] + data + good[at + len(data) :])

    def wait(self, state: str, seconds: float) -> None:
        self.drivers["BoardStrategy"]["states"][state]["deadline"] = seconds

    def bring_up(self) -> BringUp:
        path = self.directory / "twin.yaml"
        path.write_text(json.dumps(self.content))
        environment = labgridenv.load(path)
        self._environments.append(environment)
        strategy = labgridenv.target(environment).get_strategy()
        return BringUp(strategy, self.content["targets"]["main"]["features"], find_elfs([BUILD / "armstub.bin"]))

    def close(self) -> None:
        for environment in self._environments:
            environment.cleanup()


@pytest.fixture(scope="module", autouse=True)
def firmware() -> None:
    build("rpi4")


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Twin]:
    made = Twin(tmp_path)
    yield made
    made.close()


def stop_of(bring_up: BringUp) -> BringUpStep:
    """BringUp, and return the step where it ended."""
    (stopped,) = (step for step in bring_up.run() if step.outcome is StageOutcome.STOPPED)
    assert all(cause.why and cause.attempt for cause in stopped.causes)
    return stopped


def spoil_when_reached(bring_up: BringUp, stage: str, address: int) -> None:
    """Write an undefined instruction into the board's memory once a stage is reached."""

    def spoil(steps: Any) -> None:
        if any(step.stage.name == stage and step.outcome is StageOutcome.REACHED for step in steps):
            overwrite(bring_up.strategy.board, address, UNDEFINED)
            bring_up.on_change = lambda _steps: None

    bring_up.on_change = spoil


def test_an_emulator_that_does_not_start_stops_at_the_power_switch(board: Twin) -> None:
    board.drivers["Rpi4TwinDriver"]["machine"] = "nosuch"
    bring_up = board.bring_up()
    stopped = stop_of(bring_up)
    assert stopped.stage.name == "power"
    assert "nosuch" in stopped.seen
    assert bring_up.error
    assert bring_up.error.exit_code is ExitCode.INFRASTRUCTURE


def test_firmware_that_never_says_a_byte_stops_at_the_serial_line_and_is_found_in_its_code(board: Twin) -> None:
    board.damaged("armstub", address_of(BUILD / "bl31.elf", "bl31_entrypoint"), LOOP)
    board.wait("firmware", SILENCE)
    bring_up = board.bring_up()
    stopped = stop_of(bring_up)
    assert stopped.stage.name == "serial"
    assert "CPU 0 is in bl31_entrypoint" in stopped.causes[0].why
    assert bring_up.error
    assert bring_up.error.exit_code is ExitCode.INFRASTRUCTURE


def test_a_line_at_another_speed_is_recognised_by_its_garbage(board: Twin, tmp_path: Path) -> None:
    source, elf, stub = (tmp_path / f"garbage.{suffix}" for suffix in ("S", "elf", "bin"))
    source.write_text(GARBAGE)
    options = ["-nostdlib", "-static", "-Wl,-Ttext=0,-n,--build-id=none,-e,0"]
    subprocess.run(["aarch64-linux-gnu-gcc", *options, "-o", elf, source], check=True)
    subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", elf, stub], check=True)
    board.image("armstub", stub.read_bytes())
    board.wait("firmware", 5.0)
    stopped = stop_of(board.bring_up())
    assert stopped.stage.name == "BL31"
    assert stopped.causes[0].why.startswith("`monitor` runs at another speed")


@pytest.mark.parametrize("missing", ["armstub.bin", "monitor.bin", "engine.img"])
def test_a_file_that_is_not_on_the_card_is_missed_before_the_first_byte(
    board: Twin, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(card: Path, files: dict[str, Path], size: int) -> None:
        write_card(card, {name: source for name, source in files.items() if name != missing}, size)

    from hil.board.drivers import bootpartition
    from hil.board.flash.sdcard import write_card

    monkeypatch.setattr(bootpartition, "write_card", without)
    stopped = stop_of(board.bring_up())
    assert stopped.stage.name == "serial"
    assert f"{missing} is not on the boot partition" in stopped.causes[0].why


def test_damage_in_bl31_that_makes_it_crash_is_named_with_its_line(board: Twin) -> None:
    board.damaged("armstub", address_of(BUILD / "bl31.elf", "vtpm_service_init"), UNDEFINED)
    bring_up = board.bring_up()
    stopped = stop_of(bring_up)
    assert stopped.stage.name == "service"
    assert "elr_el3 is in vtpm_service_init at firmware/service/" in stopped.causes[0].why
    assert stopped.causes[0].attempt.startswith("see vtpm_service_init in firmware/service/")
    assert bring_up.error
    assert bring_up.error.exit_code is ExitCode.FINDINGS


def test_a_damaged_engine_keeps_the_service_off(board: Twin) -> None:
    board.damaged("engine", 0x1000, b"damage")
    stopped = stop_of(board.bring_up())
    assert stopped.stage.name == "service"
    assert "from another build than BL31" in stopped.causes[0].why


def test_a_device_tree_in_the_memory_of_the_service_is_told_by_bl31_and_named(board: Twin) -> None:
    board.drivers["BootPartitionDriver"]["options"] = {"device_tree_address": "0x20100000"}
    stopped = stop_of(board.bring_up())
    assert stopped.stage.name == "service"
    assert stopped.causes[0].why == "the device tree at 0x20100000 lies in the service's memory"


def test_a_seed_that_is_withheld_leaves_no_entropy(board: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin, "SEED_BYTES", 0)
    stopped = stop_of(board.bring_up())
    assert stopped.stage.name == "self-check"
    assert "no source of entropy" in stopped.causes[0].why


def test_a_damaged_monitor_stops_at_the_monitor(board: Twin) -> None:
    board.damaged("kernel", 0, LOOP)
    board.wait("monitor", SILENCE)
    stopped = stop_of(board.bring_up())
    assert stopped.stage.name == "monitor"
    assert "BL33 is not where BL31 jumps to" in " ".join(cause.why for cause in stopped.causes)


@pytest.mark.parametrize(
    ("before", "stage", "elf", "symbol"),
    [("version", "instance", "engine.elf", "engine_entry"), ("instance", "tpm", "engine.elf", "TPM2_GetRandom")],
)
def test_an_engine_that_fails_stops_at_the_instance_or_at_its_first_command(
    board: Twin, before: str, stage: str, elf: str, symbol: str
) -> None:
    bring_up = board.bring_up()
    spoil_when_reached(bring_up, before, address_of(BUILD / elf, symbol))
    stopped = stop_of(bring_up)
    assert stopped.stage.name == stage
    assert bring_up.error
    assert bring_up.error.exit_code is ExitCode.FINDINGS
