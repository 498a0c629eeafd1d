"""Makes an authenticated connection to an address; each step has a deadline, and an error of its own."""

from __future__ import annotations

import contextlib
import logging
import shlex
import socket
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from paramiko import PasswordRequiredException, PKey
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import SSHException

from hil.board.ssh.errors import SshAuthFailed, SshDropped, SshRefused, SshSilent, SshUnreachable
from hil.board.ssh.transport import OrderlyTransport
from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from paramiko import Transport

    from hil.board.ssh.hostkeys import PinnedHostKeys
    from hil.deadline import Deadline

_LOG = "hil.board.ssh.transport"
logging.getLogger(_LOG).setLevel(logging.CRITICAL)  # the errors raised here say more

# curve25519 is the quickest on an emulated processor; the other is for servers without it.
_KEX = ("curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")


class Wire(Protocol):
    """The carrier of a connection: a socket, or a channel through another connection."""

    def close(self) -> None:
        """Close both directions."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of an SSH server. `board` names it in errors and among the pinned keys.

    `proxy` is a command that carries the connection over its standard input and output.
    """

    board: str
    address: str
    port: int = 22
    proxy: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """A user name with a private key or, without `key_file`, a password, which may be empty."""

    user: str
    key_file: Path | None = None
    password: str = ""

    def key(self) -> PKey | None:
        """Return the private key, or None without a key file. Raises `UsageError` if the file cannot be read."""
        if self.key_file is None:
            return None
        try:
            return PKey.from_path(self.key_file)
        except (OSError, ValueError, UnknownKeyType, PasswordRequiredException, SSHException) as error:
            raise UsageError(
                f"no private key can be read from {self.key_file}: {error}",
                hint="run hil build for the keys of our own boards; keys with a passphrase are not supported",
            ) from error


def dial(endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    """Return a stream to the server. Raises `SshRefused` and `SshUnreachable`."""
    if endpoint.proxy:
        return _through(endpoint.proxy)
    try:
        stream = socket.create_connection((endpoint.address, endpoint.port), timeout=max(deadline.remaining, 0.001))
    except ConnectionRefusedError:
        raise SshRefused(
            f"nothing listens on {endpoint}", hint="see on its console whether the SSH server has started"
        ) from None
    except OSError as error:
        raise SshUnreachable(
            f"cannot reach {endpoint}: {error}", hint="check address, cable and network of the board"
        ) from error
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def log_in(wire: Wire, endpoint: Endpoint, login: Login, pins: PinnedHostKeys, deadline: Deadline) -> Transport:
    """Return an authenticated connection over `wire`, which is closed with the connection, or on failure.

    Raises `SshSilent`, `SshRefused` (closed before the server sent anything), `SshDropped`, `SshHostKeyChanged`,
    `SshAuthFailed`.
    """
    transport: Any = OrderlyTransport(wire)
    try:
        transport.set_log_channel(_LOG)
        _prefer(transport, pins.pinned(endpoint.board))
        # `_step` keeps the deadline. paramiko's own limits use the wall clock, which may jump, so they come later.
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = deadline.remaining + 1
        key = login.key()
        _step(transport, endpoint, deadline, lambda done: transport.start_client(event=done))
        pins.check(endpoint.board, transport.get_remote_server_key())
        _step(transport, endpoint, deadline, lambda done: _authenticate(transport, login, key, done))
        if not transport.is_authenticated():
            raise _not_let_in(endpoint, login, transport.get_exception())
    except BaseException:
        transport.close()
        wire.close()
        raise
    return transport


def _step(transport: Any, endpoint: Endpoint, deadline: Deadline, start: Callable[[threading.Event], None]) -> None:
    """Do a step of the handshake. `start` must arrange for the event to be set when the step has ended or failed."""
    done = threading.Event()
    with contextlib.suppress(SSHException):  # raised if the connection has ended already; handled below
        start(done)
        if not done.wait(deadline.remaining):
            said = f"said {transport.remote_version!r} and then nothing" if transport.remote_version else "said nothing"
            raise SshSilent(
                f"the server at {endpoint} {said} for {deadline}",
                hint="check the board's console: does it still run?",
            )
    if not transport.is_active():
        raise _ended(transport, endpoint)


def _ended(transport: Any, endpoint: Endpoint) -> SshRefused | SshDropped:
    reason = transport.get_exception()
    if not transport.remote_version and endpoint.proxy:
        return SshRefused(
            f"`{shlex.join(endpoint.proxy)}` does not lead to an SSH server", hint="run it by hand to see what it says"
        )
    if not transport.remote_version:
        return SshRefused(
            f"{endpoint} accepts connections, but closes them before its SSH server sends anything",
            hint="if this is a forwarded port, nothing listens on the board yet",
        )
    because = f": {reason}" if str(reason or "") else ""
    return SshDropped(
        f"the server at {endpoint} ended the connection in the handshake{because}",
        hint="read the log of the SSH server on the board",
    )


def _authenticate(transport: Any, login: Login, key: PKey | None, done: threading.Event) -> None:
    if key is not None:
        transport.auth_publickey(login.user, key, event=done)
    else:
        transport.auth_password(login.user, login.password, event=done)


def _not_let_in(endpoint: Endpoint, login: Login, reason: Exception | None) -> SshAuthFailed:
    means = f"key {login.key_file}" if login.key_file else "password" if login.password else "empty password"
    return SshAuthFailed(
        f"the server at {endpoint} does not let in user `{login.user}` with {means}: {reason or 'no reason given'}",
        hint="on the board, see whether authorized_keys has this key, and whether the server lets the user in; images "
        "of `hil build` accept the key of their own build tree only",
    )


def _prefer(transport: Any, pinned: PKey | None) -> None:
    """Prefer the quickest key exchange, and host keys of the pinned kind: a server may have several."""
    options = transport.get_security_options()
    options.kex = _first(_KEX, options.kex)
    if pinned is not None:
        options.key_types = _first((pinned.get_name(),), options.key_types)


def _first(wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    return (*(name for name in wanted if name in known), *(name for name in known if name not in wanted))


def _through(command: Sequence[str]) -> socket.socket:
    """Start `command` at the other end of a socket pair; it ends when the stream is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        pipe = theirs.fileno()
        proxy = subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, process_group=0)
    threading.Thread(target=proxy.wait, name="ssh-proxy", daemon=True).start()
    return ours
