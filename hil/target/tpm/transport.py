"""What TPM commands go through."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """Whatever carries one TPM command to a TPM and brings back its response."""

    def transmit(self, command: bytes) -> bytes:
        """Return the response to `command`. Raises what the layers below raise."""
