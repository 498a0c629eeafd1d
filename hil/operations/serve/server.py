"""Runs the web application until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette

MOST_AT_ONCE = 100
"""The most requests at once; each browser that watches is one."""
END_SECONDS = 1
"""How long open connections may take to end after Ctrl-C."""


def serve(app: Starlette, address: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve `app` at `address`, on a free port if `port` is 0. `ready` is called with the URL. Raises `UsageError`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listening = socket.create_server((address, port), family=family)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen at {address} port {port}: {getattr(error, 'strerror', None) or error}",
            hint="--port 0 takes a free one",
        ) from error
    with listening:
        host = f"[{address}]" if family == socket.AF_INET6 else address
        ready(f"http://{host}:{listening.getsockname()[1]}/")
        config = uvicorn.Config(
            app,
            log_level="warning",
            limit_concurrency=MOST_AT_ONCE,
            timeout_graceful_shutdown=END_SECONDS,
            server_header=False,
        )
        with contextlib.suppress(KeyboardInterrupt):  # the usual way to end it
            uvicorn.Server(config).run([listening])
