"""A vTPM of a board as a device with a power line, a locality and a command interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.target.tpm import commands
from hil.target.tpm.commands import HEADER_BYTES, RC_COMMAND_SIZE, RC_FAILURE, RC_INITIALIZE
from hil.target.vtpm import ServiceError, abi

if TYPE_CHECKING:
    from hil.target.vtpm import GuestQueue

RC_LOCALITY = 0x907
"""TPM_RC_LOCALITY (TPM 2.0 Library, Part 2, 6.6.3)."""
MOST_COMMAND_BYTES = abi.VTPM_SLOT_BYTES


class TpmDevice:
    """A vTPM that is switched on. All of it must be used in the board's thread."""

    def __init__(self, queue: GuestQueue, *, startup: bool) -> None:
        """Take over a vTPM before TPM2_Startup, and send that if `startup` says so."""
        self._queue = queue
        self._powered = True
        if startup:
            self.transmit(commands.startup())

    def transmit(self, command: bytes, locality: int = 0) -> bytes:
        """Return the response to a command, or one with the code that says why there is none.

        The queue of a guest is locality 0, so commands from other localities are refused. Raises the board's errors.
        """
        if not self._powered:
            return response(RC_INITIALIZE)
        if locality != 0:
            return response(RC_LOCALITY)
        if not HEADER_BYTES <= len(command) <= MOST_COMMAND_BYTES:
            return response(RC_COMMAND_SIZE)
        try:
            return self._queue.transmit(command)
        except ServiceError:
            return response(RC_FAILURE)

    def power_on(self) -> None:
        """Switch on: _TPM_Init, unless it is on already."""
        if not self._powered:
            self.reset()

    def power_off(self) -> None:
        """Switch off. The TPM keeps what it has in NV memory, as long as the board runs."""
        self._powered = False

    def reset(self) -> None:
        """Send _TPM_Init. TPM2_Startup is up to the client, as it is after any power-on."""
        self._queue.instance.reset()
        self._powered = True


def response(code: int) -> bytes:
    """Return a response that has nothing but a code: its header is laid out like that of a command."""
    return commands.command(code)
