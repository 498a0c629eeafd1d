"""The keeper's server for runners: one connection per lease, and one per question."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import TYPE_CHECKING

from hil.lab.coordinator import Refused
from hil.lab.errors import LabUnreachable
from hil.lab.lease import OWNER_PREFIX, Lease
from hil.lab.obtain import obtain
from hil.lab.view import status
from hil.lab.wire import Message, decode, encode

if TYPE_CHECKING:
    from hil.lab.keeper import Keeper

log = logging.getLogger("keeper.server")


class RunnerGone(Exception):
    """The runner's connection has ended, or it was silent for too long."""


class RunnerConnection:
    """One connection from a runner. Its end, or a silence of `timeout` seconds, ends the lease."""

    def __init__(
        self, keeper: Keeper, timeout: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._keeper = keeper
        self._timeout = timeout
        self._reader = reader
        self._writer = writer

    async def serve(self) -> None:
        """Serve the request of the runner until the connection ends."""
        try:
            await self._answer(await self._receive())
            await self._writer.drain()
        except (RunnerGone, OSError):
            pass
        finally:
            self._writer.close()

    async def _receive(self) -> Message:
        try:
            line = await asyncio.wait_for(self._reader.readline(), self._timeout)
            if not line:
                raise RunnerGone("its connection ended")
            return decode(line)
        except TimeoutError as error:
            raise RunnerGone(f"nothing heard for {self._timeout:g} s") from error
        except (OSError, ValueError) as error:
            raise RunnerGone(str(error)) from error

    def _send(self, message: Message) -> None:
        self._writer.write(encode(message))

    async def _answer(self, request: Message) -> None:
        match request.get("do"):
            case "status":
                self._send({"say": "status", "places": status(self._keeper)})
            case "lease":
                host, user = str(request.get("host")), str(request.get("user"))
                await self._serve_lease(Lease(new_owner(host, user), f"{user}@{host}", dict(request.get("tags") or {})))
            case "resume":
                lease = Lease(str(request["owner"]), str(request["holder"]), {}, str(request["place"]))
                if lease.owner in self._keeper.leases:
                    raise RunnerGone(
                        "it is here already"
                    )  # the old connection still holds the lease: let that end first
                await self._serve_lease(lease)
            case "check":
                place = str(request.get("place"))
                if self._keeper.health.request_check(place):
                    self._send({"say": "asked"})
                else:
                    self._send({"say": "refused", "why": f"there is no board {place!r} here"})
            case other:
                self._send({"say": "refused", "why": f"unknown request {other!r}"})

    async def _serve_lease(self, lease: Lease) -> None:
        """Obtain a place, grant the lease, wait until the runner releases it or is gone, take the place back.

        Taking back is shielded: even if this task is cancelled, the board is switched off before its place is free.
        """
        self._keeper.leases[lease.owner] = lease
        obtaining = asyncio.create_task(obtain(self._keeper, lease))
        obtaining.add_done_callback(lambda _: lease.changed.set())
        listening = asyncio.create_task(self._listen(lease))
        end = "it was released"
        try:
            await self._notify(lease, obtaining, listening)
            await listening
        except (RunnerGone, Refused, LabUnreachable) as error:
            end = str(error)
        finally:
            for task in (obtaining, listening):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
            if lease.place:
                log.info("%s: the lease of %s ends: %s", lease.place, lease.holder, lease.lost or end)
            await asyncio.shield(asyncio.create_task(self._keeper.take_back(lease)))
        self._send({"say": "released"})

    async def _listen(self, lease: Lease) -> None:
        """Answer heartbeats until the runner releases the lease. Raises `RunnerGone`."""
        while True:
            message = await self._receive()
            if message.get("do") == "release":
                if blame := str(message.get("blame") or ""):
                    await self._keeper.health.count_failure(lease.place, blame)
                return
            self._send({"say": "beat"})

    async def _notify(self, lease: Lease, obtaining: asyncio.Task[None], listening: asyncio.Task[None]) -> None:
        """Send the runner what it waits for, then its place, and the loss of its lease, until it is gone."""
        reported = ""
        while not listening.done():
            if obtaining.done() and not lease.granted:
                await obtaining
                lease.granted = True
                self._keeper.update()  # the place may have been lost before the lease was granted
                log.info("%s: leased to %s as %s", lease.place, lease.holder, lease.owner)
                self._send(
                    {
                        "say": "leased",
                        "place": lease.place,
                        "owner": lease.owner,
                        "holder": lease.holder,
                        "patience": self._timeout,
                    }
                )
            if lease.lost:
                self._send({"say": "lost", "why": lease.lost})
                return
            if lease.waiting_for != reported:
                reported = lease.waiting_for
                self._send({"say": "waiting", "why": reported})
            changed = asyncio.create_task(lease.changed.wait())
            await asyncio.wait({changed, listening}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            lease.changed.clear()


def new_owner(host: str, user: str) -> str:
    """Return a name for the owner of a new lease. labgrid wants exactly one slash in it."""
    return f"{_word(host)}/{OWNER_PREFIX}{_word(user)}-{secrets.token_hex(4)}"


def _word(text: str) -> str:
    return text.replace("/", "_") or "unknown"
