"""One authenticated connection: commands, files and forwarded ports share it."""

from __future__ import annotations

import select
import socket
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from paramiko.ssh_exception import ChannelException

from hil.board.ssh import connect
from hil.board.ssh.channel import BROKEN, close, granted
from hil.board.ssh.errors import CommandTimeout, SshDropped, SshError, SshRefused, SshSilent, SshUnreachable
from hil.board.ssh.forward import Forward
from hil.board.ssh.process import Process, Result
from hil.board.ssh.runner import Runner
from hil.board.ssh.transfer import Files
from hil.deadline import Deadline
from hil.errors import InfrastructureError

if TYPE_CHECKING:
    from paramiko import Channel, Transport

    from hil.board.ssh.connect import Endpoint, Login
    from hil.board.ssh.hostkeys import PinnedHostKeys

KEEPALIVE_SECONDS = 5.0
PATIENCE_SECONDS = 10.0
"""How often a server is asked whether it is still there, and how long it may take to say so."""
_FIRST_ATTEMPT = 1.0
_LONGEST_ATTEMPT = 10.0
"""Seconds that the first of several attempts to connect may take; each further one twice as long, up to this."""
_PAUSE = 0.1
_ATTEMPTS = 3
"""Dropbear 2022.83 refuses a channel, or a command, now and then while another one is being killed."""
_GRACE_MS = 200
"""What ends the connection may be known to the board's own watch only a moment later."""


class Watch(Protocol):
    """What knows of the death of a board, its panic, its reboot; see `hil.board.drivers.alarm.Alarm`."""

    def fileno(self) -> int:
        """Readable from the moment there is something to raise."""

    def check(self) -> None:
        """Raise it, if there is something."""


class Session:
    """An open connection. `watch`, if any, ends every wait at once when something happens to the board."""

    def __init__(
        self,
        transport: Transport,
        endpoint: Endpoint,
        watch: Watch | None = None,
        *,
        keepalive: float = KEEPALIVE_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.endpoint = endpoint
        self.watch = watch
        self._transport: Any = transport
        self._patience = patience
        self._runner: Runner | None = None
        self._asking = threading.Lock()
        self._silent = False
        self._hang_up, self._hung_up = socket.socketpair()
        self.files = Files(self)
        threading.Thread(target=self._guard, args=(keepalive,), name="ssh-guard", daemon=True).start()

    @classmethod
    def open(
        cls,
        endpoint: Endpoint,
        login: Login,
        pins: PinnedHostKeys,
        deadline: Deadline,
        *,
        via: Session | None = None,
        watch: Watch | None = None,
    ) -> Session:
        """Connect and log in, through the connection `via` to another machine if there is one; one attempt."""
        try:
            wire = via.tunnel(endpoint.address, endpoint.port, deadline) if via else connect.dial(endpoint, deadline)
            return cls(connect.log_in(wire, endpoint, login, pins, deadline), endpoint, watch)
        except SshError as error:
            error.within(doing=f"logging in as `{login.user}`", board=endpoint.board)
            raise

    @classmethod
    def await_open(
        cls,
        endpoint: Endpoint,
        login: Login,
        pins: PinnedHostKeys,
        deadline: Deadline,
        *,
        via: Session | None = None,
        watch: Watch | None = None,
    ) -> Session:
        """Connect to a server that may still be starting. Raises the last attempt's error at the deadline."""
        pace = threading.Event()
        patience = _FIRST_ATTEMPT
        while True:
            try:
                return cls.open(endpoint, login, pins, deadline.at_most(patience), via=via, watch=watch)
            except (SshRefused, SshUnreachable, SshSilent, SshDropped) as error:
                if watch is not None:
                    watch.check()
                if deadline.remaining < _PAUSE:
                    raise type(error)(f"{error.message}; tried for {deadline}", **asdict(error.context)) from error
            pace.wait(_PAUSE)
            patience = min(2 * patience, _LONGEST_ATTEMPT)

    @property
    def alive(self) -> bool:
        """Whether the connection still stands, as far as is known without asking."""
        return bool(self._transport.is_active())

    def start(self, command: str, *, stdin: bytes | None = None, deadline: Deadline) -> Process:
        """Start a command; its input is `stdin`, or what is sent to it later."""
        for _ in range(_ATTEMPTS):
            channel = self.channel("session", deadline)
            if granted(channel, "exec", command, deadline):
                return Process(self, channel, command, stdin)
            close(channel)
            if deadline.expired or not self.alive:
                break
        board, doing = self.endpoint.board, f"starting a command: {command[:80]}"
        if not self.ask(Deadline.after(self._patience)):
            raise self.failure(doing)
        if deadline.expired:
            raise CommandTimeout(f"the server started no command within {deadline}", doing=doing, board=board)
        raise SshRefused(f"the server at {self.endpoint} starts no commands", doing=doing, board=board)

    def run(self, command: str, *, stdin: bytes = b"", deadline: Deadline) -> Result:
        """Run a command to its end.

        Raises `CommandTimeout` at the deadline, having ended the command, and `SshDropped`, or what the watch knows
        better, as soon as the connection is gone.
        """
        result = self._runner.run(command, stdin, deadline) if self._runner else None
        return result or self.start(command, stdin=stdin, deadline=deadline).wait(deadline)

    def use_runner(self, program: str) -> None:
        """Let `run` start commands by a program of ours on the machine, which is quicker (firmware/linux/runner)."""
        self._runner = Runner(self, program)

    def shell(self, deadline: Deadline, *, terminal: str = "vt100", columns: int = 80, lines: int = 24) -> Process:
        """Start the user's shell on a terminal of its own, for a person to type at."""
        channel: Any = self.channel("session", deadline)
        try:
            channel.get_pty(terminal, columns, lines)
            channel.invoke_shell()
        except BROKEN as error:
            raise self.failure("opening a shell") from error
        return Process(self, channel, "shell")

    def forward(self, port: int, *, host: str = "127.0.0.1", local_port: int = 0) -> Forward:
        """Listen on a local port, one of the system's choice if 0, for connections to `host` as the machine sees it."""
        return Forward(self, host, port, local_port)

    def tunnel(self, host: str, port: int, deadline: Deadline) -> Channel:
        """Return a stream from the machine to `host`. Raises `SshRefused` when nothing listens there."""
        try:
            return self.channel("direct-tcpip", deadline, (host, port), ("127.0.0.1", 0))
        except InfrastructureError as error:
            if self.ask(deadline):
                raise SshRefused(
                    f"{self.endpoint.board} cannot connect to {host} port {port}",
                    hint="see that something listens there",
                ) from error
            raise

    def channel(self, kind: str, deadline: Deadline, *addresses: tuple[str, int]) -> Channel:
        """Return a new channel of this connection."""
        for attempt in range(_ATTEMPTS):
            try:
                channel: Channel = self._transport.open_channel(
                    kind, *addresses, timeout=max(deadline.remaining, 0.001)
                )
                return channel
            except BROKEN as error:
                final = isinstance(error, ChannelException) or deadline.expired or attempt == _ATTEMPTS - 1
                if final or not self.alive:
                    raise self.failure(f"opening a channel: {error}") from error
        raise AssertionError("the last attempt returned or raised")

    def ask(self, deadline: Deadline) -> bool:
        """Return whether the server still answers; the connection is closed if not."""
        if not self.alive:
            return False
        with self._asking:
            giving_up = threading.Timer(deadline.remaining, self._give_up)
            giving_up.daemon = True
            giving_up.start()
            try:
                self._transport.global_request("keepalive@openssh.com", wait=True)
            except BROKEN:
                self._transport.close()
            finally:
                giving_up.cancel()
        return self.alive

    def failure(self, doing: str) -> InfrastructureError:
        """Return why the connection cannot be used: what the watch knows, silence, or its end.

        Raises instead when the watch has an error that is not about the lab.
        """
        board, endpoint = self.endpoint.board, self.endpoint
        if self.alive:
            return SshRefused(f"the server at {endpoint} refused", doing=doing, board=board)
        if self.watch is not None:
            poll = select.poll()
            poll.register(self.watch, select.POLLIN)
            poll.poll(_GRACE_MS)
            self.watch.check()
        hint = "see on its console whether the board still lives"
        if self._silent:
            said = f"the server at {endpoint} does not answer any more"
            return SshSilent(said, doing=doing, board=board, hint=hint)
        reason = str(self._transport.get_exception() or "")
        said = f"the connection to {endpoint} ended" + (f": {reason}" if reason else "")
        return SshDropped(said, doing=doing, board=board, hint=hint)

    def close(self) -> None:
        """End the connection, and with it what still runs on it."""
        self._hang_up.close()
        self._transport.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _guard(self, keepalive: float) -> None:
        """End the connection, and with it every wait, when something happens to the board or the server is silent."""
        poll = select.poll()
        poll.register(self._hung_up, select.POLLIN)
        if self.watch is not None:
            poll.register(self.watch, select.POLLIN)
        while self.alive:
            if poll.poll(keepalive * 1000):
                self._transport.close()
            else:
                self.ask(Deadline.after(self._patience))

    def _give_up(self) -> None:
        self._silent = True
        self._transport.close()
