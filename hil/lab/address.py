"""The address of a lab."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from hil.errors import UsageError
from hil.hosts import bare, bracketed, is_ipv6

COORDINATOR_PORT = 20408
"""labgrid's default."""
LAST_PORT = 65535
"""The keeper takes the port after the coordinator's."""

_NAME = re.compile(r"[^\s:/\[\]@]+")


@dataclass(frozen=True, slots=True)
class LabAddress:
    """Host and port of a coordinator; its keeper listens on the next port."""

    host: str
    port: int = COORDINATOR_PORT

    @classmethod
    def parse(cls, text: str) -> LabAddress:
        """Read `HOST[:PORT]`, as in `LG_COORDINATOR`; an IPv6 address needs brackets if a port follows.

        Raises `UsageError`.
        """
        if is_ipv6(text):
            return cls(text)
        host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
        if not colon:
            host, port = text, str(COORDINATOR_PORT)
        named = bare(host)
        is_host = is_ipv6(named) if named != host else bool(_NAME.fullmatch(host))
        if not is_host or not port.isascii() or not port.isdigit() or not 0 < int(port) < LAST_PORT:
            raise UsageError(
                f"{text!r} is no address of a coordinator",
                hint="LG_COORDINATOR=HOST:PORT, with an IPv6 address LG_COORDINATOR=[ADDRESS]:PORT",
            )
        return cls(named, int(port))

    @classmethod
    def from_environment(cls) -> LabAddress | None:
        """Return the lab that `LG_COORDINATOR` names, if it names one."""
        text = os.environ.get("LG_COORDINATOR")
        return cls.parse(text) if text else None

    @property
    def keeper(self) -> LabAddress:
        """The address of the keeper."""
        return LabAddress(self.host, self.port + 1)

    def through_proxy(self) -> LabAddress:
        """Return the address by which this machine reaches it: through SSH if `LG_PROXY` is set.

        Raises `BoardUnreachable` if SSH does not lead there.
        """
        if not os.environ.get("LG_PROXY"):
            return self
        from hil.board.drivers.gateway import forwarded, gateway  # imports labgrid, which takes a second

        return LabAddress("127.0.0.1", forwarded(gateway(), self.host, self.port))

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"
