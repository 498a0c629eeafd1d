"""Connects the TCG software stack (tpm2-pytss) to a command queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tpm2_pytss import TSS2_RC, TSS2_Exception
from tpm2_pytss.TCTI import PyTCTI

if TYPE_CHECKING:
    from hil.target.tpm.transport import Transport


class QueueTcti(PyTCTI):  # type: ignore[misc]
    """A TCTI (TCG TSS 2.0 TCTI API 1.0, transmit and receive) on top of a `Transport`.

    A transport returns the response at once, so it is kept here between transmit and receive. The C library knows error
    codes only; `failure` keeps what the transport raised, so that the caller can raise it again. That may be what a
    signal handler raised, such as `KeyboardInterrupt`: a command takes long, and most interruptions fall into it.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(magic=b"hilqueue")
        self._transport = transport
        self._response: bytes | None = None
        self.failure: BaseException | None = None

    def do_transmit(self, command: bytes) -> None:
        """Send one command; called by the C library."""
        try:
            self._response = self._transport.transmit(command)
        except Exception as error:
            self.failure = error
            raise
        except BaseException as error:
            self.failure = error
            # Such an exception would be printed and dropped on its way to C, which would go on as if all were well.
            raise TSS2_Exception(TSS2_RC.TCTI_RC_GENERAL_FAILURE) from error

    def do_receive(self, timeout: int) -> bytes:  # noqa: ARG002 (the queue is synchronous)
        """Return the response of the last command, once; called by the C library."""
        if self._response is None:
            raise TSS2_Exception(TSS2_RC.TCTI_RC_BAD_SEQUENCE)
        response, self._response = self._response, None
        return response
