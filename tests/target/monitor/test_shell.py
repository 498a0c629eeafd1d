"""The shell as people and damaged lines meet it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Monitor, ProgramEnd, VirtualMachine, frame
from tests.target.monitor.emulated import emulator
from tests.target.monitor.programs import endless

if TYPE_CHECKING:
    from pathlib import Path

    from tests.target.monitor.emulated import SocketStream

pytestmark = pytest.mark.emulator

PSCI_VERSION = 0x8400_0000
SECURE_SRAM = 0x0E00_0000
FREE_RAM = 0x43FF_0000


def test_a_person_gets_words(monitor: Monitor, console: SocketStream) -> None:
    def typed(line: bytes) -> str:
        console.send(line + b"\r")
        heard = b""
        while not heard.endswith(b"monitor> "):
            heard += console.receive(Deadline.after(5))
        return heard.decode()

    assert "smc <function>" in typed(b"help")
    assert "x0=1000" in typed(b"smc 84000000")
    assert "fault esr=" in typed(b"read %x 8" % SECURE_SRAM)
    assert "unknown" in typed(b"nonsense")
    assert "usage" in typed(b"read zz")
    assert "4 5" not in typed(b"writ\x7f\x7f\x7f\x7fvm")
    monitor.wait_ready(Deadline.after(5))


def test_a_person_s_unfinished_line_does_not_spoil_a_request(monitor: Monitor, console: SocketStream) -> None:
    console.send(b"write 43ff0000 ")
    assert monitor.smc(PSCI_VERSION).x[0] >= 0x1_0000


def test_a_damaged_request_is_refused_and_not_executed(monitor: Monitor, console: SocketStream) -> None:
    monitor.write(FREE_RAM, b"before")
    console.send(b":77 destroy 1 *00000000\n")
    heard = b""
    while b"\n" not in heard:
        heard += console.receive(Deadline.after(5))
    assert heard.startswith(b"=0 nak *")
    assert monitor.read(FREE_RAM, 6) == b"before"


def test_a_repeated_request_is_answered_again_and_not_executed_again(monitor: Monitor, console: SocketStream) -> None:
    def ask(sequence: int) -> dict[int, str]:
        console.send(frame.request(sequence, "create 80000 1 0"))
        heard = b""
        while b"\n" not in heard:
            heard += console.receive(Deadline.after(5))
        return frame.answers(heard)[0]

    first = ask(0x77)
    assert ask(0x77) == first
    second = ask(0x78)[0x78]
    assert second != first[0x77]
    for answer in (first[0x77], second):
        number = int(answer.split()[1], 16)
        monitor._link.ask(f"destroy {number:x}", Deadline.after(5))


def test_nothing_is_lost_while_cpu_0_waits_for_an_agent(
    vm: VirtualMachine, monitor: Monitor, console: SocketStream
) -> None:
    """A long request arrives while another one is being waited for."""
    pending = vm.agent().start(endless(), Deadline.after(0.8))
    writer = threading.Thread(target=console.send, args=(b"x" * 20000 + b"\n",))
    writer.start()
    outcome = pending.wait()
    writer.join(10)
    assert outcome.ended == ProgramEnd.DEADLINE
    assert monitor.read(FREE_RAM, 4)


def test_input_from_before_the_boot_does_not_keep_the_monitor_from_answering(image: Path) -> None:
    for _ in range(5):
        with emulator(image) as stream:
            stream.send(b"x" * 100)
            Monitor(stream).wait_ready(Deadline.after(10))
