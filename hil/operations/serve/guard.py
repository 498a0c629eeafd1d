"""An ASGI layer that refuses requests which could be attacks, and adds security headers to every answer."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = ("GET", "HEAD")
OWN_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content Security Policy of this server's own pages."""
REPORT = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy of reports, which may come from another machine: they are kept from everything else here."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Guard:
    """Passes only reading requests, and only those for an address or one of the server's `names`.

    A hostile page can make its own name resolve to this server (DNS rebinding), but its browser still sends that name
    in the request. It cannot make the browser send an address, so addresses are always accepted.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", OWN_PAGE)
            await send(message)

        app = self._refusal(scope) or self._app
        await app(scope, receive, sent)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if scope["method"] not in READING:
            return PlainTextResponse("nothing can be changed here\n", 405, {"Allow": ", ".join(READING)})
        if not self._known(Headers(scope=scope).get("host", "")):
            return PlainTextResponse("this server does not go by that name; hil report --serve --name NAME\n", 421)
        return None

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
