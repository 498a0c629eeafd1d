"""The desk at which runners borrow boards: one connection per lease, and one per question."""

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

log = logging.getLogger("keeper.desk")


class Gone(Exception):
    """A runner is not there any more, or has let go."""


class Visit:
    """One connection. Its end, or silence on it for `patience` seconds, ends the lease."""

    def __init__(
        self, keeper: Keeper, patience: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._keeper = keeper
        self._patience = patience
        self._reader = reader
        self._writer = writer

    async def serve(self) -> None:
        """Answer what is asked, until the connection ends."""
        try:
            await self._answer(await self._receive())
            await self._writer.drain()
        except (Gone, OSError):
            pass
        finally:
            self._writer.close()

    async def _receive(self) -> Message:
        try:
            line = await asyncio.wait_for(self._reader.readline(), self._patience)
            if not line:
                raise Gone("its connection ended")
            return decode(line)
        except TimeoutError as error:
            raise Gone(f"nothing heard for {self._patience:g} s") from error
        except (OSError, ValueError) as error:
            raise Gone(str(error)) from error

    def _send(self, message: Message) -> None:
        self._writer.write(encode(message))

    async def _answer(self, request: Message) -> None:
        match request.get("do"):
            case "status":
                self._send({"say": "status", "places": status(self._keeper)})
            case "lease":
                host, user = str(request.get("host")), str(request.get("user"))
                await self._lend(Lease(new_owner(host, user), f"{user}@{host}", dict(request.get("tags") or {})))
            case "resume":
                lease = Lease(str(request["owner"]), str(request["holder"]), {}, str(request["place"]))
                if lease.owner in self._keeper.leases:
                    raise Gone("it is here already")
                await self._lend(lease)
            case "check":
                place = str(request.get("place"))
                if self._keeper.health.ask(place):
                    self._send({"say": "asked"})
                else:
                    self._send({"say": "refused", "why": f"there is no board {place!r} here"})
            case other:
                self._send({"say": "refused", "why": f"unknown request {other!r}"})

    async def _lend(self, lease: Lease) -> None:
        """Get a place, lend it until the runner lets go or is gone, take it back."""
        self._keeper.leases[lease.owner] = lease
        obtaining = asyncio.create_task(obtain(self._keeper, lease))
        obtaining.add_done_callback(lambda _: lease.changed.set())
        listening = asyncio.create_task(self._listen(lease))
        end = "it let go"
        try:
            await self._tell(lease, obtaining, listening)
            await listening
        except (Gone, Refused, LabUnreachable) as error:
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
        """Answer heartbeats until the runner lets go. Raises `Gone`."""
        while True:
            message = await self._receive()
            if message.get("do") == "release":
                if blame := str(message.get("blame") or ""):
                    await self._keeper.health.suspect(lease.place, blame)
                return
            self._send({"say": "beat"})

    async def _tell(self, lease: Lease, obtaining: asyncio.Task[None], listening: asyncio.Task[None]) -> None:
        """Keep the runner informed until its lease is lost or it is gone."""
        told = ""
        while not listening.done():
            if obtaining.done() and not lease.granted:
                await obtaining
                lease.granted = True
                self._keeper.look()
                log.info("%s: lent to %s as %s", lease.place, lease.holder, lease.owner)
                self._send(
                    {
                        "say": "leased",
                        "place": lease.place,
                        "owner": lease.owner,
                        "holder": lease.holder,
                        "patience": self._patience,
                    }
                )
            if lease.lost:
                self._send({"say": "lost", "why": lease.lost})
                return
            if lease.waiting_for != told:
                told = lease.waiting_for
                self._send({"say": "waiting", "why": told})
            changed = asyncio.create_task(lease.changed.wait())
            await asyncio.wait({changed, listening}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            lease.changed.clear()


def new_owner(host: str, user: str) -> str:
    """Return a name for a new owner of a place, in which labgrid wants exactly one slash."""
    return f"{_word(host)}/{OWNER_PREFIX}{_word(user)}-{secrets.token_hex(4)}"


def _word(text: str) -> str:
    return text.replace("/", "_") or "unknown"
