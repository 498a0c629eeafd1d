"""Touching a board, in a process that exists for one touch."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from labgrid.remote.client import UserError
from labgrid.resource import NetworkSerialPort
from pexpect import TIMEOUT  # type: ignore[import-untyped]

from hil.deadline import Deadline
from hil.lab.address import LabAddress
from hil.lab.coordinator import connected
from hil.lab.errors import BoardSick

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from multiprocessing.connection import Connection

    from labgrid.driver import SerialDriver

    from hil.lab.coordinator import Coordinator

ECHO_SECONDS = 1.0
"""A running board answers a line feed within this time."""


def report(result: Connection, action: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Run `action` and send what went wrong, or an empty text."""
    try:
        action(*arguments)
    except BoardSick as error:
        result.send(error.message)
    except Exception as error:
        lines = str(error).strip().splitlines()
        result.send(f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}")
    else:
        result.send("")


def power_off(coordinator: str, place: str, owner: str) -> None:
    """Switch a board off. One that has no switch is left as it is."""
    asyncio.run(_power_off(coordinator, place, owner))


def check(coordinator: str, place: str, owner: str, boot_seconds: float) -> None:
    """Switch a board off, on and off again: it must be silent while off, and say something when it starts.

    What a power switch says of itself is not asked: it may lie, and the outlet may be another board's. Without a switch
    there is nothing to check. Raises `BoardSick`.
    """
    asyncio.run(_check(coordinator, place, owner, boot_seconds))


async def _power_off(coordinator: str, place: str, owner: str) -> None:
    async with _acting(coordinator, place, owner) as lab:
        _switch(lab, "off")


async def _check(coordinator: str, place: str, owner: str, boot_seconds: float) -> None:
    async with _acting(coordinator, place, owner) as lab:
        if not _switch(lab, "off"):
            return
        target = lab._get_target(lab.get_acquired_place())
        ports = [resource.name for resource in target.resources if isinstance(resource, NetworkSerialPort)]
        consoles = [lab._get_driver_or_new(target, "SerialDriver", name=port) for port in ports]
        if not consoles:
            return
        _await_silence(consoles)
        _switch(lab, "on")
        try:
            if not _heard(consoles, Deadline.after(boot_seconds)):
                raise BoardSick(
                    f"silent for {boot_seconds:g} s after its power was switched on: does the switch work, is the "
                    "outlet or the serial line another board's?"
                )
        finally:
            _switch(lab, "off")


@contextlib.asynccontextmanager
async def _acting(coordinator: str, place: str, owner: str) -> AsyncIterator[Coordinator]:
    """Be the owner of `place`, as labgrid's own client is."""
    async with connected(LabAddress.parse(coordinator), owner) as lab:
        lab.args = argparse.Namespace(place=place, name=None, delay=None)
        yield lab


def _switch(lab: Coordinator, action: str) -> bool:
    """Switch the power; False when the place has no switch."""
    lab.args.action = action
    try:
        lab.power()
    except UserError:
        return False
    return True


def _await_silence(consoles: Sequence[SerialDriver]) -> None:
    while _heard(consoles, Deadline.after(ECHO_SECONDS / 2)):  # what was under way when the power went
        pass
    for console in consoles:
        console.write(b"\n")
    if _heard(consoles, Deadline.after(ECHO_SECONDS)):
        raise BoardSick(
            "still talks after its power was switched off: does the switch work, is the outlet another board's?"
        )


def _heard(consoles: Sequence[SerialDriver], deadline: Deadline) -> bool:
    while not deadline.expired:
        for console in consoles:
            with contextlib.suppress(TIMEOUT):
                console.read(timeout=deadline.at_most(ECHO_SECONDS / 10).remaining)
                return True
    return False
