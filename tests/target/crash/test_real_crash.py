"""The real firmware crashes: an instruction of BL31, or of the monitor, is damaged while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.board.file import labgridenv
from hil.deadline import Deadline
from hil.errors import Panic
from hil.target.crash import explain_error, find_elfs
from hil.target.vtpm import Service, abi
from tests.cli.checkout import ROOT
from tests.simulators.damage import LOAD_NULL, LOOP, UNDEFINED, address_of, overwrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.board.strategy import BoardStrategy
    from hil.target.crash import Crash
    from hil.target.monitor import Monitor

pytestmark = pytest.mark.emulator

BUILD = ROOT / "build" / "qemu-virt"


@pytest.fixture(scope="module")
def board() -> Iterator[BoardStrategy]:
    environment = labgridenv.load(ROOT / "boards" / "qemu-virt.yaml")
    yield labgridenv.target(environment).get_strategy()
    environment.cleanup()


@pytest.fixture
def spoil(board: BoardStrategy) -> Callable[..., Monitor]:
    """Return a function that boots, writes instructions over a function of an ELF file, and returns the monitor."""

    def spoil(elf: str, symbol: str, instructions: bytes) -> Monitor:
        board.force("off")
        monitor: Monitor = board.fork()
        overwrite(board.board, address_of(BUILD / elf, symbol), instructions)
        return monitor

    return spoil


def panic_of(action: Callable[[], object]) -> tuple[Panic, Crash]:
    with pytest.raises(Panic) as caught:
        action()
    found = explain_error(caught.value, find_elfs([BUILD / "flash.bin"]))
    assert found
    return caught.value, found


def test_an_undefined_instruction_in_bl31_leads_to_its_line(spoil: Callable[..., Monitor]) -> None:
    monitor = spoil("bl31.elf", "vtpm_dispatch", UNDEFINED)
    error, found = panic_of(Service(monitor).limits)
    assert (found.what, found.level) == ("Unhandled Exception in EL3.", "EL3")
    assert found.syndrome.startswith("unknown reason")
    assert "does not implement" in found.cause
    place, caller = found.places
    assert (place.register, place.function, place.image) == ("elr_el3", "vtpm_dispatch", "bl31.elf")
    source = (ROOT / place.file).read_text().splitlines()
    assert 0 <= place.line - 1 - source.index(next(line for line in source if "vtpm_dispatch(" in line)) <= 2
    assert (caller.register, caller.file) == ("x30", "firmware/service/tfa/service.c")
    assert ("esr_el3", "0x2000000") in found.registers
    assert any(line.startswith("esr_el3") for line in error.context.console)


def test_a_null_pointer_in_bl31_is_called_one(spoil: Callable[..., Monitor]) -> None:
    monitor = spoil("bl31.elf", "vtpm_dispatch", LOAD_NULL)
    _, found = panic_of(Service(monitor).limits)
    assert found.syndrome.startswith("data abort: translation fault")
    assert found.cause == "a null pointer was used (address 0x0)"


def test_a_crash_of_the_monitor_is_looked_up_in_the_monitor(
    spoil: Callable[..., Monitor], board: BoardStrategy
) -> None:
    spoil("monitor.elf", "console_put", UNDEFINED)
    line, deadline = board.board.uart("monitor"), Deadline.after(60)

    def listen() -> None:
        line.send(b"help\n")
        while True:
            line.receive(deadline)

    _, found = panic_of(listen)
    assert found.level == "EL2"
    assert [(place.function, place.file) for place in found.places] == [("console_put", "firmware/monitor/console.c")]


def test_a_loop_at_el3_is_found_by_where_the_processors_are(
    spoil: Callable[..., Monitor], board: BoardStrategy
) -> None:
    spoil("bl31.elf", "vtpm_dispatch", LOOP)
    line, deadline = board.board.uart("monitor"), Deadline.after(60)
    line.send(f"smc {abi.VTPM_FID_LIMITS:x}\n".encode())
    looping, places = ("CPU 0", "vtpm_dispatch"), set()
    while looping not in places and not deadline.expired:  # the first looks may find the processor on its way there
        found = explain_error(line.silence(), find_elfs([BUILD / "flash.bin"]))
        places = {(place.register, place.function) for place in found.places} if found else set()
    assert looping in places
