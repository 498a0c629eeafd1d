"""The interface of everything that carries TPM commands."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """Carries TPM commands to a TPM, and their responses back."""

    def transmit(self, command: bytes) -> bytes:
        """Send `command` and return the response. Raises the errors of the layers below."""
