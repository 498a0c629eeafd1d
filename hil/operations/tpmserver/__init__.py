"""`hil tpm`: the vTPMs of a board behind sockets, for programs that know a TPM simulator or swtpm."""

from __future__ import annotations

from hil.operations.tpmserver.boardthread import BoardThread
from hil.operations.tpmserver.device import TpmDevice
from hil.operations.tpmserver.server import Door, Protocol, TpmServer

__all__ = ["BoardThread", "Door", "Protocol", "TpmDevice", "TpmServer"]
