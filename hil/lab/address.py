"""The address of a lab."""

from __future__ import annotations

import os
from dataclasses import dataclass

from hil.errors import UsageError

COORDINATOR_PORT = 20408
"""labgrid's default."""


@dataclass(frozen=True, slots=True)
class LabAddress:
    """Host and port of a coordinator; its keeper listens on the next port."""

    host: str
    port: int = COORDINATOR_PORT

    @classmethod
    def parse(cls, text: str) -> LabAddress:
        """Read `HOST[:PORT]`, as in `LG_COORDINATOR`. Raises `UsageError`."""
        host, colon, port = text.rpartition(":")
        if not colon:
            return cls(text)
        if not host or not port.isdigit():
            raise UsageError(f"{text!r} is no address of a coordinator", hint="LG_COORDINATOR=HOST:PORT")
        return cls(host, int(port))

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
        """Return the address by which this machine reaches it: through SSH if `LG_PROXY` is set."""
        if "LG_PROXY" not in os.environ:
            return self
        from labgrid.util.proxy import proxymanager

        return LabAddress.parse(proxymanager.get_grpc_address(str(self)))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
