"""The protocol of the TPM simulator of TCG's reference code ("mssim"): a port for commands, one for the platform.

The port of the platform is the next one. Source: TPM 2.0 Library, Part 4, annex on the simulator, TcpServerPosix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.operations.tpmserver.wire import NotTheProtocol

if TYPE_CHECKING:
    from hil.operations.tpmserver.boardthread import BoardThread
    from hil.operations.tpmserver.device import TpmDevice
    from hil.operations.tpmserver.wire import Wire

POWER_ON, POWER_OFF = 1, 2
PRESENCE_ON, PRESENCE_OFF = 3, 4
HASH_START, HASH_DATA, HASH_END = 5, 6, 7
SEND_COMMAND = 8
CANCEL_ON, CANCEL_OFF = 9, 10
NV_ON, NV_OFF = 11, 12
HANDSHAKE = 15
RESET, RESTART = 17, 18
SESSION_END, STOP = 20, 21
NOTHING = {PRESENCE_ON, PRESENCE_OFF, CANCEL_ON, CANCEL_OFF, NV_ON, NV_OFF}
"""Signals without an effect. A command that is to be cancelled may end as if nobody had asked."""

VERSION = 1
HAS_PLATFORM = 2
DONE = 0
REFUSED = 1


def serve_commands(wire: Wire, tpm: TpmDevice, board: BoardThread) -> None:
    """Serve a connection to the port for commands."""
    while (signal := wire.number()) not in (SESSION_END, STOP):
        if signal == SEND_COMMAND:
            locality = wire.number(1)
            command = wire.exactly(wire.number())
            answer = board.do(lambda: tpm.transmit(command, locality))  # noqa: B023 - called before the next one
            wire.send(len(answer), answer, DONE)
        elif signal == HANDSHAKE:
            wire.number()
            wire.send(VERSION, HAS_PLATFORM, DONE)
        elif signal == HASH_DATA:
            wire.exactly(wire.number())
            wire.send(REFUSED)
        elif signal in (HASH_START, HASH_END):
            wire.send(REFUSED)  # dynamic launch belongs to locality 4, which no guest has
        else:
            raise NotTheProtocol(f"command {signal} of the simulator")


def serve_platform(wire: Wire, tpm: TpmDevice, board: BoardThread) -> None:
    """Serve a connection to the port for the platform."""
    actions = {POWER_ON: tpm.power_on, POWER_OFF: tpm.power_off, RESET: tpm.reset, RESTART: tpm.reset}
    while (signal := wire.number()) not in (SESSION_END, STOP):
        if signal in actions:
            board.do(actions[signal])
        elif signal not in NOTHING:
            raise NotTheProtocol(f"signal {signal} of the simulator's platform")
        wire.send(DONE)
