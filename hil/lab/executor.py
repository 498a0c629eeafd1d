"""Runs the keeper's actions on boards, each in a process of its own: labgrid is not thread-safe, and may hang."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hil.lab import actions
from hil.lab.errors import BoardSick
from hil.lab.wire import POWER_OFF_SECONDS
from hil.sockets import make_room_for_sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labgrid.remote.common import Place, ResourceEntry

    Resources = Mapping[tuple[str, str], ResourceEntry]

OFF_AT_ONCE = 8
CHECKS_AT_ONCE = 16
"""How many actions run at once. Switching off has slots of its own: it must not wait for checks of up to a minute."""
PRELOADED = (actions.__name__, "requests")
"""Modules for the actions, imported once in the fork server. Network power switches need `requests`."""
CHECK_SECONDS = 20.0
"""How long a health check may take in addition to the board's own `boot_seconds`."""


class ActionExecutor:
    """Forks a process for each action from a server that has imported labgrid: milliseconds instead of a second."""

    def __init__(self) -> None:
        make_room_for_sockets()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(PRELOADED))
        self._switching = ThreadPoolExecutor(OFF_AT_ONCE, "off")
        self._checking = ThreadPoolExecutor(CHECKS_AT_ONCE, "check")

    async def power_off(self, place: Place, resources: Resources) -> None:
        """Switch the board of a place off. Raises `BoardSick` if that fails."""
        await self._do(self._switching, actions.power_off, (place, resources), POWER_OFF_SECONDS)

    async def check(self, place: Place, resources: Resources, boot_seconds: float) -> None:
        """Power-cycle the board of a place, and listen to it. Raises `BoardSick` with what was wrong."""
        seconds = CHECK_SECONDS + boot_seconds
        await self._do(self._checking, actions.check, (place, resources, boot_seconds), seconds)

    async def _do(
        self, pool: ThreadPoolExecutor, action: Callable[..., None], arguments: tuple[object, ...], seconds: float
    ) -> None:
        running = asyncio.get_running_loop().run_in_executor(pool, self._run, action, arguments, seconds)
        if fault := await running:
            raise BoardSick(fault)

    def _run(self, action: Callable[..., None], arguments: tuple[object, ...], seconds: float) -> str:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=actions.report, args=(theirs, action, arguments), daemon=True)
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
