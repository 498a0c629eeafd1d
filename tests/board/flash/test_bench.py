"""A board on a bench boots what was flashed well, and nothing else."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from hil.board.file import labgridenv
from hil.board.flash import BoardDirty, MediumMissing
from hil.errors import (
    BoardBroken,
    BoardSilent,
    ConsoleClosed,
    FlashError,
    InfrastructureError,
    MissingTool,
    PowerFailed,
)
from tests.simulators.board import BANNERS, SimulatedPower

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulators.bench import Bench
    from tests.simulators.storage import Faults


def test_a_blank_board_is_flashed_booted_and_answers(bench: Bench) -> None:
    strategy = bench.strategy()
    strategy.transition("monitor")
    assert bench.card.read_bytes().startswith(bench.image.read_bytes())
    assert strategy.stage == "monitor"
    assert bench.board.executed == ["ping"]
    bench.leave()
    assert not bench.board.running


def test_every_fork_is_a_new_boot_of_the_same_card(bench: Bench) -> None:
    strategy = bench.strategy()
    strategy.fork()
    written = bench.card.stat().st_mtime_ns
    bench.new_image()
    monitor = strategy.fork()
    assert bench.board.boots == 2
    assert bench.card.stat().st_mtime_ns == written
    assert monitor is strategy.shell.monitor


def test_the_next_process_finds_the_board_flashed(bench: Bench, faults: Faults) -> None:
    first = bench.strategy()
    assert first.flash().written
    bench.leave()
    faults.full_at = 0
    second = bench.strategy()
    second.transition("monitor")
    assert not second.flash().written


@pytest.mark.parametrize("fault", ["flip_at", "forget_from", "full_at", "unreadable_at"])
def test_a_board_that_was_not_flashed_well_does_not_get_its_card_and_is_not_switched_on(
    bench: Bench, faults: Faults, fault: str
) -> None:
    setattr(faults, fault, 1 << 20)
    strategy = bench.strategy()
    with pytest.raises(FlashError):
        strategy.transition("monitor")
    assert (bench.card.parent / "mode").read_text().strip() == "host"
    assert not bench.board.running
    with pytest.raises(BoardBroken):
        strategy.transition("monitor")
    strategy.force("off")
    with pytest.raises(BoardDirty):
        strategy.board.on()
    assert bench.board.boots == 0
    setattr(faults, fault, None)
    strategy.force("off")
    strategy.transition("monitor")
    assert bench.board.boots == 1


def test_power_lost_in_a_flash_is_made_good_by_the_next_run(bench: Bench, faults: Faults) -> None:
    faults.kill_at = 2 << 20
    child = os.fork()
    if child == 0:
        try:
            bench.strategy().transition("monitor")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    faults.kill_at = None
    with pytest.raises(BoardDirty):
        bench.memory.check()
    strategy = bench.strategy()
    strategy.transition("monitor")
    assert bench.card.read_bytes().startswith(bench.image.read_bytes())


def test_a_board_that_was_never_flashed_from_here_is_not_switched_on(bench: Bench) -> None:
    strategy = bench.strategy()
    strategy.transition("off")
    strategy.target.activate(strategy.board)
    with pytest.raises(BoardDirty, match="was never flashed from this machine"):
        strategy.board.on()


def test_a_mux_without_a_card_is_an_infrastructure_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.board.drivers.storage.APPEAR_SECONDS", 0.3)
    bench.card.write_bytes(b"")
    strategy = bench.strategy()
    with pytest.raises(MediumMissing, match="SimulatedSDMux ID_SERIAL_SHORT=000000001205 shows no medium"):
        strategy.flash()


@pytest.mark.parametrize(
    ("script", "hint"),
    [
        ("echo out of order; exit 3", "out of order"),
        ("exit 3", "is the SD mux plugged in?"),
        ("echo \"PermissionError: [Errno 13] Permission denied: '/dev/sg1'\"; exit 1", "70-hil-boards.rules"),
        ("exit 127", "on the machine of the SD mux: pip install usbsdmux"),
    ],
)
def test_a_mux_that_does_not_switch_is_an_infrastructure_error(bench: Bench, script: str, hint: str) -> None:
    (bench.directory / "usbsdmux").write_text(f"#!/bin/sh\n{script}\n")
    strategy = bench.strategy()
    with pytest.raises(InfrastructureError, match="the SD mux does not switch to `host`") as caught:
        strategy.flash()
    assert hint in caught.value.context.hint


def test_a_machine_without_the_program_of_the_mux_says_how_to_get_it(bench: Bench) -> None:
    (bench.directory / "usbsdmux").unlink()
    strategy = bench.strategy()
    with pytest.raises(MissingTool, match="usbsdmux` is not on this machine") as caught:
        strategy.flash()
    assert "pip install usbsdmux" in caught.value.context.hint


def test_the_program_of_the_mux_is_found_beside_hil_without_its_directory_on_the_path(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "environment" / "bin"
    programs.mkdir(parents=True)
    (bench.directory / "usbsdmux").rename(programs / "usbsdmux")
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(programs))
    monkeypatch.setenv("PATH", os.environ["PATH"])  # to have it back afterwards
    path = bench.board_file(tmp_path / "bench.yaml")
    path.write_text(path.read_text().replace(str(bench.directory / "usbsdmux"), "usbsdmux"))
    environment = labgridenv.load(path)
    try:
        assert labgridenv.target(environment).get_strategy().flash().written
    finally:
        environment.cleanup()


def test_the_wrong_outlet_shows_by_a_board_that_speaks_while_it_is_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = bench.strategy()
    strategy.transition("monitor")
    monkeypatch.setattr(SimulatedPower, "stuck", True)
    bench.board.before_answer = lambda: None
    strategy.transition("off")
    listen = strategy.board._be_silent

    def speak_first(alarm: object) -> None:
        bench.board.say(b"still here\r\n")
        listen(alarm)

    monkeypatch.setattr(strategy.board, "_be_silent", speak_first)
    with pytest.raises(PowerFailed, match="was switched off, but there is output on console `monitor`"):
        strategy.transition("monitor")
    monkeypatch.setattr(SimulatedPower, "stuck", False)


def test_the_wrong_outlet_shows_by_silence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedPower, "on", lambda _self: None)
    monkeypatch.setattr(SimulatedPower, "get", lambda _self: True)
    strategy = bench.strategy(deadline=0.5)
    with pytest.raises(BoardSilent, match="there was no output from the board"):
        strategy.transition("monitor")


def test_power_lost_in_a_boot_is_not_held_against_the_firmware_and_the_next_boot_goes_well(bench: Bench) -> None:
    bench.board.banners = BANNERS[:1]
    strategy = bench.strategy(deadline=1.0)
    strategy.transition("flashed")
    lost = threading.Event()

    def trip(line: object, *, complete: bool) -> None:  # noqa: ARG001
        if complete and not lost.is_set():
            lost.set()
            threading.Thread(target=bench.board.off).start()

    strategy.transcripts["monitor"].listen(trip)
    with pytest.raises(PowerFailed, match=r"reached stage `BL31`, but not `service`.*; but the power switch is off"):
        strategy.transition("monitor")
    bench.board.banners = BANNERS
    strategy.force("off")
    strategy.transition("monitor")
    assert bench.board.boots == 2


def test_a_board_without_a_flasher_is_booted_as_it_is(bench: Bench) -> None:
    bench.card.write_bytes(bench.image.read_bytes())
    strategy = bench.strategy(flashers=())
    strategy.transition("monitor")
    assert strategy.stage == "monitor"


def test_a_power_switch_that_fails_leaves_the_board_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: object) -> None:
        raise ConnectionRefusedError("outlet 3")

    strategy = bench.strategy()
    strategy.transition("flashed")
    monkeypatch.setattr(SimulatedPower, "on", fail)
    with pytest.raises(PowerFailed, match="does not switch on: outlet 3"):
        strategy.transition("monitor")
    assert strategy.board.dead
    with pytest.raises(ConsoleClosed):
        strategy.board.uart("monitor")


def test_notes_are_kept_outside_of_the_checkout(bench: Bench, device_root: Path) -> None:
    strategy = bench.strategy()
    strategy.flash()
    (note,) = device_root.glob("*.json")
    assert note.name.startswith("SimulatedSDMux-ID_SERIAL_SHORT=000000001205-")
