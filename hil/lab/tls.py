"""TLS to a lab's coordinator and keeper: both have it, or neither.

labgrid has it from the version after 26.0.1 on, and we use the same switch, `LG_COORDINATOR_TLS`. Its programs take the
certificates to trust with --cacert; ours take them from `HIL_LAB_CACERT`, which board files need not name then.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.errors import UsageError

SWITCH = "LG_COORDINATOR_TLS"
"""labgrid's: TLS is on if it is set, whatever to."""
CACERT = "HIL_LAB_CACERT"
"""A file with the certificates that may sign the lab's; without it, those that this machine trusts."""


@dataclass(frozen=True, slots=True)
class LabTls:
    """Which certificates a client trusts: those in the file `cacert`, or those that this machine trusts."""

    cacert: Path | None = None

    @classmethod
    def from_environment(cls) -> LabTls | None:
        """Return what the environment says, None for a lab without TLS."""
        return cls.trusted() if SWITCH in os.environ else None

    @classmethod
    def trusted(cls) -> LabTls:
        """Return which certificates are trusted if the lab has TLS."""
        return cls(Path(os.environ[CACERT]) if os.environ.get(CACERT) else None)

    def context(self) -> ssl.SSLContext:
        """Return the settings for connections to the keeper. Raises `UsageError` if the file cannot be read."""
        try:
            return ssl.create_default_context(cafile=self.cacert)
        except OSError as error:
            raise self._unreadable(error) from error

    def credentials(self) -> Any:
        """Return gRPC's settings for connections to the coordinator. Raises `UsageError` if the file cannot be read."""
        import grpc

        # gRPC has certificates of its own, and would not know a certificate that was added to this machine.
        system = ssl.get_default_verify_paths()
        file = self.cacert or Path(system.cafile or system.openssl_cafile)
        try:
            return grpc.ssl_channel_credentials(file.read_bytes())
        except OSError as error:
            if self.cacert:
                raise self._unreadable(error) from error
            return grpc.ssl_channel_credentials()

    def _unreadable(self, error: OSError) -> UsageError:
        return UsageError(f"{CACERT} names {self.cacert}, which cannot be used: {error.strerror or error}")


def without_tls() -> None:
    """Have no TLS in this process and those that it starts: a local lab has none, whatever the user's other lab has."""
    os.environ.pop(SWITCH, None)


def keeper_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return the settings for the keeper's server, None without a certificate. Raises `UsageError`."""
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise UsageError(f"the keeper cannot use {certificate} with {key}: {error.strerror or error}") from error
    return context
