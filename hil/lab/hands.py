"""What the keeper does to boards: each action in its own process, for labgrid does one thing at a time and may hang."""

from __future__ import annotations

import asyncio
import multiprocessing
from typing import TYPE_CHECKING

from hil.lab import touch
from hil.lab.errors import BoardSick
from hil.lab.wire import POWER_OFF_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.lab.address import LabAddress

AT_ONCE = 4
"""Processes that touch boards at the same time."""
CHECK_SECONDS = 20.0
"""How long a health check may take in addition to the board's own `boot_seconds`."""


class Hands:
    """Forks a process with labgrid in it for each action: that takes milliseconds where a new one takes a second."""

    def __init__(self, coordinator: LabAddress) -> None:
        self._coordinator = str(coordinator)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([touch.__name__])
        self._free = asyncio.Semaphore(AT_ONCE)

    async def power_off(self, place: str, owner: str) -> None:
        """Switch the board of a place that is `owner`'s off. Raises `BoardSick` when that fails."""
        await self._do(touch.power_off, (place, owner), POWER_OFF_SECONDS)

    async def check(self, place: str, owner: str, boot_seconds: float) -> None:
        """Power-cycle the board of a place that is `owner`'s, and listen. Raises `BoardSick` with what was wrong."""
        await self._do(touch.check, (place, owner, boot_seconds), CHECK_SECONDS + boot_seconds)

    async def _do(self, action: Callable[..., None], arguments: tuple[object, ...], seconds: float) -> None:
        async with self._free:
            fault = await asyncio.to_thread(self._run, action, arguments, seconds)
        if fault:
            raise BoardSick(fault)

    def _run(self, action: Callable[..., None], arguments: tuple[object, ...], seconds: float) -> str:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=touch.report, args=(theirs, action, (self._coordinator, *arguments)), daemon=True
        )
        process.start()
        theirs.close()
        try:
            return str(ours.recv()) if ours.poll(seconds) else f"{action.__name__} took more than {seconds:g} s"
        except EOFError:
            return f"{action.__name__} died"
        finally:
            process.kill()
            process.join()
            ours.close()
