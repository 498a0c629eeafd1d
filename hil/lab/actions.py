"""The keeper's actions on a board, each run in a process of its own: switch it off, check it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from labgrid.remote.client import ClientSession, UserError

from hil.board.drivers.serialport import open_port
from hil.consoletext import is_speech
from hil.deadline import Deadline
from hil.lab.errors import BoardSick
from hil.lab.tags import WITH_POWER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection

    import serial
    from labgrid.remote.common import Place, ResourceEntry

    Resources = Mapping[tuple[str, str], ResourceEntry]

BUFFERED_SECONDS = 5.0
"""How long a board may still be heard after its power was cut."""
ECHO_SECONDS = 1.0
"""How long a running board may take to echo a line feed."""


def report(result: Connection, action: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Run `action`, and send what went wrong or an empty text."""
    try:
        action(*arguments)
    except BoardSick as error:
        result.send(error.message)
    except Exception as error:
        lines = str(error).strip().splitlines()
        result.send(f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}")
    else:
        result.send("")


class KnownPlace(ClientSession):  # type: ignore[misc]
    """labgrid's own client for a place that the keeper has looked up already, so that it asks no coordinator."""

    # labgrid's client can switch any power driver, but only after it has asked a coordinator. So its constructor, which
    # connects, is not called, and pyproject.toml bounds the version: what its methods read is private to labgrid.
    def __init__(self, place: Place, resources: Resources) -> None:
        self.loop = asyncio.get_running_loop()
        self.env = None
        self.args = argparse.Namespace(place=place.name, name=None, delay=None)
        self._place = place
        self._resources = resources

    def get_place(self, _name: str | None = None) -> Place:
        """Return the place, which is the only one."""
        return self._place

    def get_acquired_place(self, _name: str | None = None) -> Place:
        """Return the place, which the keeper has acquired."""
        return self._place

    def get_target_resources(self, _place: Place) -> Resources:
        """Return the resources of the place by name and class."""
        return self._resources

    def switch(self, action: str) -> bool:
        """Switch the power; returns False if the place has no switch."""
        self.args.action = action
        try:
            self.power()
        except UserError:
            return False
        return True

    @contextlib.contextmanager
    def consoles(self) -> Iterator[list[serial.SerialBase]]:
        """Open all serial lines for the block, by the function that runs use. Raises `BoardSick`.

        A line whose port appears with the board's power is left out: which port the exporter gives it then, only a
        client of the coordinator learns.
        """
        target = self._get_target(self._place)
        later = self._place.tags.get(WITH_POWER, "").split(",")
        with contextlib.ExitStack() as opened:
            lines = []
            for port in [resource for resource in target.resources if hasattr(resource, "speed")]:
                if port.name in later:
                    continue
                try:
                    lines.append(open_port(port))
                except OSError as error:
                    hint = getattr(error, "hint", "")
                    raise BoardSick(
                        f"cannot open serial port `{port.name}`: {error}{f' ({hint})' if hint else ''}; if it is there "
                        f"only while the board has power, tag the place {WITH_POWER}={port.name}"
                    ) from error
                opened.callback(lines[-1].close)
            yield lines


def power_off(place: Place, resources: Resources) -> None:
    """Switch a board off, if it has a power switch."""
    asyncio.run(_power_off(place, resources))


def check(place: Place, resources: Resources, boot_seconds: float) -> None:
    """Switch a board off, on and off again: it must say nothing while off, and something when it starts.

    Only text counts (`is_speech`): the line of a board without power may yield bytes at any time.
    The state that a power switch reports is not asked for: it may be wrong, and the outlet may be another board's.
    Without a switch, only the lines are opened. Raises `BoardSick`.
    """
    asyncio.run(_check(place, resources, boot_seconds))


async def _power_off(place: Place, resources: Resources) -> None:
    KnownPlace(place, resources).switch("off")


async def _check(place: Place, resources: Resources, boot_seconds: float) -> None:
    board = KnownPlace(place, resources)
    with board.consoles() as consoles:  # first: if somebody else has a port, the board is theirs
        has_switch = board.switch("off")
        if not has_switch or not consoles:
            return
        _await_silence(consoles)
        board.switch("on")
        try:
            if not _heard(consoles, Deadline.after(boot_seconds)):
                raise BoardSick(
                    f"silent for {boot_seconds:g} s after its power was switched on: does the switch work, is the "
                    "outlet or the serial line another board's?"
                )
        finally:
            board.switch("off")


def _await_silence(consoles: Sequence[serial.SerialBase]) -> None:
    buffered = Deadline.after(BUFFERED_SECONDS)
    while not buffered.expired and _heard(consoles, Deadline.after(ECHO_SECONDS / 2)):
        pass  # what was still buffered when the power was cut
    for console in consoles:
        console.write(b"\n")
    if _heard(consoles, Deadline.after(ECHO_SECONDS)):
        raise BoardSick(
            "still talks after its power was switched off: does the switch work, is the outlet another board's?"
        )


def _heard(consoles: Sequence[serial.SerialBase], deadline: Deadline) -> bool:
    """Whether there is text on one of the lines before the deadline; bytes of a board without power are none."""
    heard = dict.fromkeys(consoles, b"")
    while not deadline.expired:
        for console in consoles:
            heard[console] += console.read(max(1, console.in_waiting))
            if is_speech(heard[console]):
                return True
    return False
