"""The protocol of swtpm: a channel of plain commands and responses, and a control channel.

Source: swtpm's `tpm_ioctl.h` and manual page swtpm_ioctls(3). Over TCP the control channel is the next port. QEMU has
the control channel only, a UNIX socket, and hands over its end of the other one.
"""

from __future__ import annotations

import os
import socket
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from hil.operations.tpmserver.device import MOST_COMMAND_BYTES
from hil.operations.tpmserver.wire import NotTheProtocol, Wire
from hil.target.tpm.commands import HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.operations.tpmserver.boardthread import BoardThread
    from hil.operations.tpmserver.device import TpmDevice


class Control(IntEnum):
    """Commands of the control channel."""

    GET_CAPABILITY = 1
    INIT = 2
    SHUTDOWN = 3
    GET_TPMESTABLISHED = 4
    SET_LOCALITY = 5
    HASH_START = 6
    HASH_DATA = 7
    HASH_END = 8
    CANCEL_TPM_CMD = 9
    STORE_VOLATILE = 10
    RESET_TPMESTABLISHED = 11
    GET_STATEBLOB = 12
    SET_STATEBLOB = 13
    STOP = 14
    GET_CONFIG = 15
    SET_DATAFD = 16
    SET_BUFFERSIZE = 17
    GET_INFO = 18
    LOCK_STORAGE = 19


class Capability(IntFlag):
    """What a client may ask for: bits of the answer to GET_CAPABILITY. State and hashing are not among them."""

    INIT = 1 << 0
    SHUTDOWN = 1 << 1
    GET_TPMESTABLISHED = 1 << 2
    SET_LOCALITY = 1 << 3
    CANCEL_TPM_CMD = 1 << 5
    RESET_TPMESTABLISHED = 1 << 7
    STOP = 1 << 10
    GET_CONFIG = 1 << 11
    SET_DATAFD = 1 << 12
    SET_BUFFERSIZE = 1 << 13


ALL = sum(Capability)
SUCCESS = 0
FAIL = 9
BAD_LOCALITY = 0x3D
"""TPM 1.2's result codes, which the control channel has kept."""
_REQUEST_BYTES = {
    Control.INIT: 4,
    Control.SET_LOCALITY: 1,
    Control.RESET_TPMESTABLISHED: 1,
    Control.GET_STATEBLOB: 12,
    Control.SET_BUFFERSIZE: 4,
    Control.GET_INFO: 16,
    Control.LOCK_STORAGE: 4,
}
_WITH_LENGTH = {Control.HASH_DATA: 0, Control.SET_STATEBLOB: 8}
"""Requests that end in a length and as many bytes, and what they have before."""
_MORE_IN_ANSWER = {Control.GET_STATEBLOB: 3, Control.GET_INFO: 2}
"""How many numbers a refusal has behind its result."""


def serve_commands(wire: Wire, tpm: TpmDevice, board: BoardThread) -> None:
    """Serve the channel of commands: each says its own length."""
    while True:
        header = wire.exactly(HEADER_BYTES)
        command = header + wire.exactly(max(0, int.from_bytes(header[2:6]) - HEADER_BYTES))
        wire.send(board.do(lambda: tpm.transmit(command)))  # noqa: B023 - called before the next one


class ControlChannel:
    """A connection to the control channel; `start` serves another one in a thread of its own."""

    def __init__(self, tpm: TpmDevice, board: BoardThread, start: Callable[[socket.socket], None]) -> None:
        self._tpm = tpm
        self._board = board
        self._start = start

    def serve(self, wire: Wire) -> None:
        """Serve the connection until its peer leaves."""
        while True:
            number, handed = self._next(wire)
            try:
                control = Control(number)
            except ValueError:
                raise NotTheProtocol(f"command {number} of swtpm's control channel") from None
            request = wire.exactly(_REQUEST_BYTES.get(control, 0))
            if control in _WITH_LENGTH:
                wire.exactly(_WITH_LENGTH[control])
                wire.exactly(wire.number())
            wire.send(*self._answer(control, request, handed))
            for descriptor in handed if control is not Control.SET_DATAFD else ():
                os.close(descriptor)

    def _next(self, wire: Wire) -> tuple[int, list[int]]:
        """Return the number of the next command, and the descriptors that came with it."""
        if wire.socket.family != socket.AF_UNIX:
            return wire.number(), []
        data, handed, _, _ = socket.recv_fds(wire.socket, 4, 1)
        if not data:
            raise EOFError
        return int.from_bytes(data + wire.exactly(4 - len(data))), handed

    def _answer(self, control: Control, request: bytes, handed: list[int]) -> tuple[bytes | int, ...]:
        match control:
            case Control.GET_CAPABILITY:
                return (0, ALL)
            case Control.INIT:
                self._board.do(self._power_cycle)
            case Control.SHUTDOWN | Control.STOP:
                self._board.do(self._tpm.power_off)
            case Control.GET_TPMESTABLISHED:
                return (SUCCESS, bytes(4))
            case Control.SET_LOCALITY:
                return (SUCCESS if request == bytes(1) else BAD_LOCALITY,)
            case Control.GET_CONFIG:
                return (SUCCESS, 0)
            case Control.SET_BUFFERSIZE:
                return (SUCCESS, MOST_COMMAND_BYTES, MOST_COMMAND_BYTES, MOST_COMMAND_BYTES)
            case Control.SET_DATAFD:
                if not handed:
                    return (FAIL,)
                self._start(socket.socket(fileno=handed[0]))
            case Control.CANCEL_TPM_CMD | Control.RESET_TPMESTABLISHED:
                pass  # a command may end as if nobody had asked, and without a dynamic launch nothing is established
            case _:
                return (FAIL, *[0] * _MORE_IN_ANSWER.get(control, 0))
        return (SUCCESS,)

    def _power_cycle(self) -> None:
        self._tpm.power_off()
        self._tpm.power_on()
