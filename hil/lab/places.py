"""Connects the places of a board file (labgrid's `RemotePlace`) to the coordinator, as the rest of a lab is.

labgrid connects by itself when a board file has a place, but in its released version neither by TLS nor to an IPv6
address through SSH, and a coordinator that is away is an error without its address. So the session of its manager of
places, which is private to labgrid, is ours: pyproject.toml bounds the version.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hil.board.file.boardfile import BoardFile
from hil.lab.address import LabAddress
from hil.lab.tls import SWITCH, LabTls

if TYPE_CHECKING:
    from labgrid import Config, Environment

LOCAL_COORDINATOR = "127.0.0.1"


def connect_places(environment: Environment) -> None:
    """Connect to the coordinator if the board file has a place and this process is not connected yet.

    The next target is then made by the owner that the environment names.

    Raises `LabUnreachable` and, for a wrong address, `UsageError`.
    """
    if not BoardFile.of_environment(environment).remote:
        return
    from labgrid.remote.client import ServerError, ensure_event_loop
    from labgrid.resource.remote import RemotePlaceManager

    from hil.lab.coordinator import CONNECT_SECONDS, Coordinator, new_session, no_coordinator

    manager = RemotePlaceManager.get()
    if manager.session is not None:
        if isinstance(manager.session, Coordinator):
            manager.session.owner = _owner()  # each place of a set is leased under a name of its own
        return
    address, tls = address_and_tls(environment.config)
    in_a_loop = _is_in_a_loop()
    loop = _loop_of_a_thread() if in_a_loop else ensure_event_loop()

    async def start() -> Coordinator:
        session = new_session(address, loop, _owner(), tls, env=environment)
        await asyncio.wait_for(session.start(), CONNECT_SECONDS)
        return session

    try:
        if in_a_loop:
            session = asyncio.run_coroutine_threadsafe(start(), loop).result()
        else:
            session = loop.run_until_complete(start())
    except (ServerError, TimeoutError) as error:
        raise no_coordinator(address) from error
    manager.env, manager.url, manager.loop, manager.session = environment, str(address), loop, session


def _is_in_a_loop() -> bool:
    """Whether an event loop runs in this thread, as in a notebook: no other can run here, and none wait for it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _loop_of_a_thread() -> asyncio.AbstractEventLoop:
    """Return an event loop that runs in a thread of its own, until this process ends."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="places", daemon=True).start()
    return loop


def address_and_tls(config: Config) -> tuple[LabAddress, LabTls | None]:
    """Return the coordinator that a board file means, by labgrid's options, else by the environment."""
    address = config.get_option("coordinator_address", os.environ.get("LG_COORDINATOR") or LOCAL_COORDINATOR)
    wanted = str(config.get_option("coordinator_tls", SWITCH in os.environ)).strip().lower() == "true"
    cacert = str(config.get_option("coordinator_cacert", ""))
    trusted = LabTls(Path(config.resolve_path(cacert))) if cacert else LabTls.trusted()
    return LabAddress.parse(str(address)), trusted if wanted else None


def _owner() -> str:
    """Return the name by which labgrid's client acquires places."""
    return f"{os.environ.get('LG_HOSTNAME', socket.gethostname())}/{os.environ.get('LG_USERNAME') or getpass.getuser()}"
