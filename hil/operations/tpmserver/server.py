"""Listens for clients of vTPMs, and serves each connection in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from hil.errors import UsageError
from hil.operations.tpmserver import mssim, swtpm
from hil.operations.tpmserver.wire import NotTheProtocol, Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.operations.tpmserver.boardthread import BoardThread
    from hil.operations.tpmserver.device import TpmDevice

    Serve = Callable[[Wire], None]

LOOPBACK = "127.0.0.1"
PORT = 2321
"""Where clients look for a simulator and for swtpm, if they are told nothing else."""
PORTS_OF_ONE = 2
MOST_PORT = 65535


class Protocol(StrEnum):
    """What clients speak."""

    MSSIM = "mssim"
    SWTPM = "swtpm"


@dataclass(frozen=True, slots=True)
class Door:
    """Where a client finds a vTPM."""

    protocol: Protocol
    port: int

    @property
    def tcti(self) -> str:
        """The configuration of a TCTI (TSS 2.0 TCTI API), as tpm2-tools and tpm2-tss take it."""
        return f"{self.protocol}:host={LOOPBACK},port={self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which tpm2-tools, other programs on tpm2-tss, and IBM's TSS find it."""
        found = {"TPM2TOOLS_TCTI": self.tcti, "TPM2OPENSSL_TCTI": self.tcti, "TPM2_PKCS11_TCTI": self.tcti}
        if self.protocol is Protocol.MSSIM:
            found |= {
                "TPM_INTERFACE_TYPE": "socsim",
                "TPM_SERVER_TYPE": "mssim",
                "TPM_SERVER_NAME": LOOPBACK,
                "TPM_COMMAND_PORT": str(self.port),
                "TPM_PLATFORM_PORT": str(self.port + 1),
            }
        return found


class TpmServer:
    """Lets clients in on this machine only: whoever reaches a TPM's ports has its owner's rights."""

    def __init__(self, board: BoardThread, report: Callable[[str], None]) -> None:
        """Serve vTPMs whose board `board` uses; `report` gets a line about each client that was sent away."""
        self._board = board
        self._report = report
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._ended = False
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ended = True
            left = tuple(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._cleanup.close()

    def open(self, tpm: TpmDevice, protocol: Protocol, port: int) -> Door:
        """Let clients in at `port` and the next one, or at two free ones if it is 0. Raises `UsageError`."""
        first, second = _pair(port)
        board = self._board
        if protocol is Protocol.MSSIM:
            self._listen(first, lambda wire: mssim.serve_commands(wire, tpm, board))
            self._listen(second, lambda wire: mssim.serve_platform(wire, tpm, board))
        else:
            self._listen(first, lambda wire: swtpm.serve_commands(wire, tpm, board))
            self._listen(second, self._control(tpm))
        return Door(protocol, first.getsockname()[1])

    def open_socket(self, tpm: TpmDevice, path: Path) -> None:
        """Let QEMU in at a UNIX socket, swtpm's control channel. Raises `UsageError`."""
        listening = socket.socket(socket.AF_UNIX)
        try:
            listening.bind(str(path))
        except OSError as error:
            listening.close()
            raise UsageError(f"cannot listen at {path}: {error.strerror or error}", hint="another path") from None
        self._cleanup.callback(path.unlink, missing_ok=True)
        path.chmod(0o600)
        listening.listen()
        self._listen(listening, self._control(tpm))

    def _control(self, tpm: TpmDevice) -> Serve:
        def serve_data(connection: socket.socket) -> None:
            self._start(connection, lambda wire: swtpm.serve_commands(wire, tpm, self._board))

        return swtpm.ControlChannel(tpm, self._board, serve_data).serve

    def _listen(self, listening: socket.socket, serve: Serve) -> None:
        self._keep(listening)
        threading.Thread(target=self._accept, args=(listening, serve), name="tpm-listen", daemon=True).start()

    def _accept(self, listening: socket.socket, serve: Serve) -> None:
        with contextlib.suppress(OSError):  # it is closed at the end
            while True:
                self._start(listening.accept()[0], serve)

    def _start(self, connection: socket.socket, serve: Serve) -> None:
        self._keep(connection)
        threading.Thread(target=self._serve, args=(connection, serve), name="tpm-client", daemon=True).start()

    def _serve(self, connection: socket.socket, serve: Serve) -> None:
        try:
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(Wire(connection))
        except NotTheProtocol as error:
            self._report(f"a client was sent away: it sent {error}")
        except (OSError, EOFError):
            pass  # it left, or everything ends
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            if self._ended:
                connection.close()
            self._open.add(connection)


def _pair(port: int) -> tuple[socket.socket, socket.socket]:
    """Listen at two ports, one behind the other."""
    if port + 1 > MOST_PORT:
        raise UsageError(f"there is no port {port + 1} for the second channel", hint="--port 2321")
    for _ in range(1 if port else 100):
        with contextlib.ExitStack() as opened:
            try:
                first = opened.enter_context(socket.create_server((LOOPBACK, port)))
                second = opened.enter_context(socket.create_server((LOOPBACK, first.getsockname()[1] + 1)))
            except (OSError, OverflowError) as error:
                failed = error
                continue
            opened.pop_all()
            return first, second
    raise UsageError(
        f"cannot listen at {LOOPBACK}, ports {port} and {port + 1}: {getattr(failed, 'strerror', None) or failed}",
        hint="--port 0 takes free ones",
    )
