"""Opens serial ports of this machine or of an exporter. Whatever pyserial or labgrid raises is an `OSError` here.

A line that breaks is opened again (`serialline`), and one that cannot be opened is a fault of the lab. Both look for
`OSError`, but the libraries have more: `termios.error` from an adapter that is just being pulled out, and
`NotImplementedError` for what a protocol cannot do. So all of them are translated in this one place.
"""

from __future__ import annotations

import contextlib
import fcntl
import select
import socket
import struct
import termios
import threading
import warnings
from typing import TYPE_CHECKING, Any

import serial
import serial.rfc2217
from labgrid.resource.remote import RemotePlace
from serial.urlhandler import protocol_socket

from hil.board.drivers.gateway import forwarded, gateway
from hil.board.drivers.portlock import admit_others, exclude_others
from hil.board.drivers.serialline import GLANCE_SECONDS
from hil.errors import BoardUnreachable
from hil.hosts import bare, bracketed

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITE_SECONDS = 5.0
NEGOTIATION_SECONDS = 3.0
"""How long an RFC2217 server may take for each step of the negotiation."""
HANG_UP_SECONDS = 0.2
"""How long a server may take to refuse a client whose connection it has accepted."""
SAID_CHARACTERS = 100
IN_USE = "does somebody else have the port?"
LOCALHOST = "127.0.0.1"
RFC2217 = "rfc2217"
RAW = "raw"
"""labgrid's names of the protocols."""

_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""A machine that loses its power closes no connection. Unanswered probes show it within 11 s."""

_places = threading.Lock()
"""labgrid's connection to the coordinator is for one thread at a time, and each line is reopened by its own thread."""


class PortError(OSError):
    """A serial port cannot be opened or used; the text names the port and the reason, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class _Guarded:
    """Mixed into pyserial's ports: whatever else their methods raise becomes a `PortError`."""

    def open(self) -> None:
        """Open the port."""
        with self._guard():
            super().open()  # type: ignore[misc]

    def read(self, size: int = 1) -> bytes:
        """Read up to `size` bytes."""
        with self._guard():
            return bytes(super().read(size))  # type: ignore[misc]

    def write(self, data: bytes) -> int | None:
        """Write all of `data`."""
        with self._guard():
            written: int | None = super().write(data)  # type: ignore[misc]
            return written

    @property
    def in_waiting(self) -> int:
        """How many bytes can be read at once."""
        with self._guard():
            return int(super().in_waiting)  # type: ignore[misc]

    def close(self) -> None:
        """Close the port, even if it is gone."""
        with contextlib.suppress(Exception):
            super().close()  # type: ignore[misc]

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            raise
        except Exception as error:  # termios.error, NotImplementedError, TypeError after a close by another thread
            raise PortError(f"pyserial fails: {type(error).__name__}: {error}") from error


class LocalPort(_Guarded, serial.Serial):  # type: ignore[misc]
    """A serial port of this machine, locked as long as it is open."""

    def open(self) -> None:
        """Open the port, and lock it."""
        super().open()
        try:
            exclude_others(self.fd, self.port)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the port."""
        if self.fd is not None:
            admit_others(self.fd)
        super().close()


class NetworkPort(_Guarded):
    """A port behind a TCP connection."""

    def open(self) -> None:
        """Connect."""
        with warnings.catch_warnings():  # pyserial starts its thread as Python did before 3.10
            warnings.simplefilter("ignore", DeprecationWarning)
            super().open()
        for level, option, value in _KEEPALIVE:
            self._socket.setsockopt(level, option, value)  # type: ignore[attr-defined]

    def write(self, data: bytes) -> int | None:
        """Write all of `data`. If part of it may be lost, end the connection, so that the reader opens it again."""
        try:
            return super().write(data)
        except OSError:
            with contextlib.suppress(OSError, AttributeError):
                self._socket.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
            raise

    def hangs_up(self, seconds: float) -> bool:
        """Whether the server has closed the connection, or does so within `seconds`."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)  # type: ignore[attr-defined]
        return bool(poll.poll(seconds * 1000))

    def said(self) -> str:
        """Return what has arrived, as one line."""
        with contextlib.suppress(OSError):
            return " ".join(self.read(self.in_waiting).decode("utf-8", "replace").split())[:SAID_CHARACTERS]
        return ""

    def is_drained(self) -> bool:
        """Drop what has arrived; returns whether the connection is still there."""
        with contextlib.suppress(OSError):
            while waiting := self.in_waiting:
                self.read(waiting)
            return not self.hangs_up(0)
        return False


class Rfc2217Port(NetworkPort, serial.rfc2217.Serial):  # type: ignore[misc]
    """A port behind RFC2217 (Telnet with control of the port), as labgrid's exporter serves it with ser2net."""

    def _telnet_read_loop(self) -> None:
        """Thread: read. pyserial's own ends with a traceback when the server is gone while it is being answered."""
        with contextlib.suppress(OSError):
            super()._telnet_read_loop()


class RawPort(NetworkPort, protocol_socket.Serial):  # type: ignore[misc]
    """A port behind a plain TCP connection."""

    def open(self) -> None:
        """Connect. Raises `PortError` if the server hangs up: one that serves one client at a time accepts others."""
        super().open()
        if self.hangs_up(HANG_UP_SECONDS):
            said = self.said()
            self.close()
            raise PortError(
                f"the server closes the connection{f' and says: {said}' if said else ''}",
                f"{IN_USE} look at the server's log",
            )

    @property
    def in_waiting(self) -> int:
        """How many bytes can be read at once. pyserial says 1, and each byte would be read by a call of its own."""
        with self._guard():
            waiting = fcntl.ioctl(self._socket, termios.FIONREAD, struct.pack("i", 0))
            return int(struct.unpack("i", waiting)[0])


def open_port(port: Any) -> serial.SerialBase:
    """Open the port that a labgrid resource names. Raises `PortError`."""
    _refresh(port)
    if hasattr(port, "protocol"):
        return _open_network(port)
    if port.port is None:
        raise PortError(
            f"there is no serial port like {getattr(port, 'match', port)}", "is the adapter plugged in? udevadm info"
        )
    opened = LocalPort(baudrate=port.speed, timeout=GLANCE_SECONDS, write_timeout=WRITE_SECONDS)
    opened.port = port.port
    try:
        opened.open()
    except BlockingIOError as error:
        raise PortError(str(error.strerror), "end that program, then run again") from error
    except OSError as error:
        raise PortError(str(error), "is the adapter plugged in, and may this user open it (group dialout)?") from error
    return opened


def name_of(port: Any) -> str:
    """Return the path of a port of this machine; empty for one on the network, or one that is not there."""
    return "" if hasattr(port, "protocol") or port.port is None else str(port.port)


def unreachable(what: str, error: OSError, board: str) -> BoardUnreachable:
    """Return the error for a serial port that `open_port` could not open."""
    return BoardUnreachable(f"cannot open {what}: {error}", board=board, hint=getattr(error, "hint", ""))


def endpoint(resource: Any) -> tuple[str, int]:
    """Return where a resource on the network is reached: over SSH if `LG_PROXY` or its exporter asks for that.

    labgrid's own function takes what is behind the first colon of an IPv6 address for a port. Raises `PortError`.
    """
    host = bare(resource.host)
    through = gateway(resource)
    if not through:
        return host, int(resource.port)
    try:
        return LOCALHOST, forwarded(through, host, resource.port)
    except BoardUnreachable as error:
        raise PortError(error.message, error.context.hint) from error


def _open_network(port: Any) -> serial.SerialBase:
    name = f"{port.protocol}://{bracketed(bare(port.host))}:{port.port}"
    if port.port is None:
        raise PortError(f"{port.host} does not serve the port now", "look at the exporter's log there")
    if port.protocol not in (RFC2217, RAW):
        raise PortError(f"{name} has an unknown protocol", f"`protocol` is {RFC2217} or {RAW}")
    host, number = endpoint(port)
    opened: Rfc2217Port | RawPort
    if port.protocol == RFC2217:
        opened = Rfc2217Port(baudrate=port.speed, timeout=GLANCE_SECONDS)  # which has no write timeout of its own
        # Many servers cannot set DTR and RTS and do not answer when they are asked to, such as ser2net for a pty.
        options = f"?ign_set_control&timeout={NEGOTIATION_SECONDS:g}"
    else:
        opened = RawPort(baudrate=port.speed, timeout=GLANCE_SECONDS, write_timeout=WRITE_SECONDS)
        options = ""
    opened.port = f"{'rfc2217' if port.protocol == RFC2217 else 'socket'}://{bracketed(host)}:{number}{options}"
    try:
        opened.open()
    except OSError as error:
        why, hint = _explain(error, port)
        raise PortError(f"{name}: {why}", hint) from error
    return opened


def _explain(error: OSError, port: Any) -> tuple[str, str]:
    """Return why a port on the network cannot be opened, and a hint. pyserial keeps the reason as the context."""
    host = bare(port.host)
    exported = isinstance(getattr(port, "parent", None), RemotePlace) or hasattr(port, "_remote_entry")
    reason: BaseException | None = error
    while reason is not None:
        match reason:
            case PortError():
                return str(reason), reason.hint
            case socket.gaierror():
                return f"the host name {host} does not resolve", name_hint(host, exported=exported)
            case ConnectionRefusedError():
                server = "the exporter" if exported else "the serial server"
                return "nothing listens there", f"is {server} running on {host}?"
            case TimeoutError():
                return "no answer", f"is {host} on, and does a firewall between let port {port.port} through?"
        reason = reason.__cause__ or reason.__context__
    if port.protocol == RFC2217:
        return (
            "the server does not speak RFC2217 as it should, or closes the connection",
            f"{IN_USE} `protocol: raw` is for a server without RFC2217",
        )
    return str(error), f"does {host} serve this port?"


def name_hint(host: str, *, exported: bool) -> str:
    """Return what to do about a name that does not resolve, by where it comes from."""
    if exported:
        return (
            f"the exporter publishes the name {host}: start it with --hostname and a name or address that resolves "
            "here, or add the name to DNS or /etc/hosts"
        )
    return f"the board file names {host}: is it misspelt? Else add it to DNS or /etc/hosts"


def _refresh(port: Any) -> None:
    """Take what the coordinator says now: an exporter that starts its ser2net again does so on another port."""
    if isinstance(getattr(port, "parent", None), RemotePlace):
        with _places, contextlib.suppress(RuntimeError):  # another thread runs the event loop, which does the same
            port.poll()
