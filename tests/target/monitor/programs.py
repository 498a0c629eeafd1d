"""Programs that several tests run."""

from __future__ import annotations

import struct

from hil.target.monitor import Program, Runner, r


def current_el(runner: Runner) -> int:
    program = Program()
    program.mrs(r[1], "CurrentEL")
    program.halt()
    return runner.run(program).require().r[1] >> 2


def meeting(address: int, agents: int) -> Program:
    """Arrive, wait for the others, and leave word of it."""
    program = Program()
    program.set(r[0], address)
    program.fetch_add(r[1], r[0], 1)
    program.set(r[2], agents)
    program.move(r[3], r[0])
    program.await_at_least(r[3], r[2], 10_000_000_000)
    program.halt()
    return program


def endless() -> Program:
    program = Program()
    program.label("again")
    program.jump("again")
    return program


def deaf() -> Program:
    """Machine code that branches to itself: the interpreter never sees its deadline."""
    program = Program()
    program.put(struct.pack("<I", 0x14000000))
    program.data(r[0])
    program.call(r[0])
    return program
