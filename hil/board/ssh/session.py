"""An authenticated connection, shared by commands, files and forwarded ports."""

from __future__ import annotations

import re
import select
import socket
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from paramiko.ssh_exception import ChannelException

from hil.account import MachineCommand, telling
from hil.board.ssh import connect
from hil.board.ssh.channel import BROKEN, close, granted
from hil.board.ssh.errors import (
    LoginScriptPrints,
    SshDropped,
    SshError,
    SshRefused,
    SshSilent,
    SshTooManySessions,
    SshUnreachable,
)
from hil.board.ssh.forward import Forward
from hil.board.ssh.process import CommandResult, Process
from hil.board.ssh.runner import CommandRunner
from hil.board.ssh.transfer import Files
from hil.deadline import Deadline
from hil.errors import CommandTimeout, InfrastructureError

if TYPE_CHECKING:
    from paramiko import Channel, Transport

    from hil.board.ssh.connect import Endpoint, Login
    from hil.board.ssh.hostkeys import PinnedHostKeys

KEEPALIVE_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""How often a server is asked whether it is still there, and how long it may take to answer."""
_FIRST_ATTEMPT = 1.0
_LONGEST_ATTEMPT = 10.0
"""Seconds that the first of several attempts to connect may take; each further one twice as long, up to this."""
_PAUSE = 0.1
_SESSION = "session"
_ATTEMPTS = 3
"""Dropbear 2022.83 sometimes refuses a channel or a command while another one is being killed: then try again."""
_DROPS_CONNECTIONS = re.compile(r"SSH-2\.0-dropbear_(2022\.8[23]|2024\.8[45])$")
_DROPPED_HINT = (
    "Dropbear 2022.82 to 2024.85 ends a connection if one of its commands ends at the moment when another is about to "
    "start: start them all before the first ends, or one after the other"
)
_GRACE_MS = 200
"""How long to wait, after the connection ended, for the watch to report why: a board's death ends both."""


class Watch(Protocol):
    """Knows of the death, panic or reboot of a board; see `hil.board.drivers.alarm.Alarm`."""

    def fileno(self) -> int:
        """Return a descriptor that is readable as soon as `check` raises."""

    def check(self) -> None:
        """Raise the board's error, if there is one."""


class Session:
    """An open connection. `watch`, if given, ends every wait as soon as something happens to the board."""

    def __init__(
        self,
        transport: Transport,
        endpoint: Endpoint,
        watch: Watch | None = None,
        *,
        keepalive: float = KEEPALIVE_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.endpoint = endpoint
        self.watch = watch
        self._transport: Any = transport
        self._answer_seconds = answer_seconds
        self._runner: CommandRunner | None = None
        self._asking = threading.Lock()
        self._silent = False
        self._quiet = False
        self._sessions: list[Any] = []
        self._started = 0
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
        """Connect and log in, with a single attempt; through the connection `via` to another machine, if given."""
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
        """Connect to a server that may still be starting: try again until the deadline, then raise the last error."""
        pace = threading.Event()
        seconds = _FIRST_ATTEMPT
        while True:
            try:
                return cls.open(endpoint, login, pins, deadline.at_most(seconds), via=via, watch=watch)
            except (SshRefused, SshUnreachable, SshSilent, SshDropped) as error:
                if watch is not None:
                    watch.check()
                if deadline.remaining < _PAUSE:
                    raise type(error)(f"{error.message}; tried for {deadline}", **asdict(error.context)) from error
            pace.wait(_PAUSE)
            seconds = min(2 * seconds, _LONGEST_ATTEMPT)

    @property
    def alive(self) -> bool:
        """Whether the connection is open, as far as is known without asking the server."""
        return bool(self._transport.is_active())

    def start(self, command: str, *, stdin: bytes | None = None, deadline: Deadline) -> Process:
        """Start a command; its stdin is `stdin`, or the data sent later."""
        with telling(MachineCommand(self.endpoint.board, f"{command} &")):
            return self._start(command, stdin, deadline)

    def _start(self, command: str, stdin: bytes | None, deadline: Deadline) -> Process:
        for _ in range(_ATTEMPTS):
            channel = self.channel("session", deadline)
            if granted(channel, "exec", command, deadline):
                return Process(self, channel, command, stdin)
            close(channel)
            if deadline.expired or not self.alive:
                break
        board, doing = self.endpoint.board, f"starting a command: {command[:80]}"
        if not self.ask(Deadline.after(self._answer_seconds)):
            raise self.failure(doing)
        if deadline.expired:
            raise CommandTimeout(f"the server started no command within {deadline}", doing=doing, board=board)
        raise SshRefused(f"the server at {self.endpoint} starts no commands", doing=doing, board=board)

    def run(self, command: str, *, stdin: bytes = b"", deadline: Deadline) -> CommandResult:
        """Run a command to its end.

        At the deadline, ends the command and raises `CommandTimeout`. As soon as the connection is gone, raises the
        watch's error or, if it has none, `SshDropped`.
        """
        with telling(MachineCommand(self.endpoint.board, command)) as told:
            result = self._runner.run(command, stdin, deadline) if self._runner else None
            if result is None:
                self._require_quiet_login(deadline)
                result = self.start(command, stdin=stdin, deadline=deadline).wait(deadline)
            told.stdout, told.stderr, told.status = result.stdout, result.stderr, result.status
        self._quiet = True
        return result

    def _require_quiet_login(self, deadline: Deadline) -> None:
        """Raise `LoginScriptPrints` if even a command that says nothing has output. Asks once per connection."""
        if self._quiet:
            return
        said = self.start(":", stdin=b"", deadline=deadline).wait(deadline).stdout
        if said:
            raise LoginScriptPrints(str(self.endpoint), said, self.endpoint.board, "logging in")
        self._quiet = True

    def blame_login_script(self) -> None:
        """After something came that no program of ours says: raise `LoginScriptPrints` if that is the reason."""
        self._quiet = False
        self._require_quiet_login(Deadline.after(self._answer_seconds))

    def use_runner(self, program: str) -> None:
        """Have `run` start commands by a program on the machine (firmware/linux/runner), which is quicker."""
        self._runner = CommandRunner(self, program)

    def shell(self, deadline: Deadline, *, terminal: str = "vt100", columns: int = 80, lines: int = 24) -> Process:
        """Start the user's shell with a terminal, for interactive use."""
        channel: Any = self.channel("session", deadline)
        try:
            channel.get_pty(terminal, columns, lines)
            channel.invoke_shell()
        except BROKEN as error:
            raise self.failure("opening a shell") from error
        return Process(self, channel, "shell")

    def forward(self, port: int, *, host: str = "127.0.0.1", local_port: int = 0) -> Forward:
        """Forward a local port, by default a free one, to a port of `host`, an address on the machine's side."""
        return Forward(self, host, port, local_port)

    def tunnel(self, host: str, port: int, deadline: Deadline) -> Channel:
        """Return a stream from the machine to a port of `host`. Raises `SshRefused` if nothing listens there."""
        try:
            return self.channel("direct-tcpip", deadline, (host, port), ("127.0.0.1", 0))
        except InfrastructureError as error:
            if self.ask(deadline):
                raise SshRefused(
                    f"{self.endpoint.board} cannot connect to {host} port {port}",
                    hint="check that something listens there",
                ) from error
            raise

    def channel(self, kind: str, deadline: Deadline, *addresses: tuple[str, int]) -> Channel:
        """Open a new channel. If the server refuses because of others that are open, wait until one is closed."""
        attempt = 0
        pace = threading.Event()
        while True:
            attempt += 1
            try:
                channel: Channel = self._transport.open_channel(
                    kind, *addresses, timeout=max(deadline.remaining, 0.001)
                )
                if kind == _SESSION:
                    self._started += 1
                    self._sessions.append(channel)
                return channel
            except BROKEN as error:
                if kind == _SESSION and isinstance(error, ChannelException) and self.alive and self._open_sessions():
                    if deadline.expired:
                        raise self._too_many() from error
                    pace.wait(_PAUSE)
                    continue
                final = isinstance(error, ChannelException) or deadline.expired or attempt >= _ATTEMPTS
                if final or not self.alive:
                    raise self.failure(f"opening a channel: {error}") from error

    def _open_sessions(self) -> int:
        self._sessions = [channel for channel in self._sessions if not channel.closed]
        return len(self._sessions)

    def _too_many(self) -> SshTooManySessions:
        count = self._open_sessions()
        return SshTooManySessions(
            f"the server at {self.endpoint} refuses another session on this connection; {count} are open",
            doing="opening a channel",
            board=self.endpoint.board,
            hint="stop what was started before, or set MaxSessions in the server's sshd_config (10 by default)",
        )

    def ask(self, deadline: Deadline) -> bool:
        """Return whether the server answers before the deadline; close the connection if it does not."""
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
        """Return the error that says why the connection cannot be used.

        If something happened to the board, raises the watch's error instead, because that is the cause.
        """
        board, endpoint = self.endpoint.board, self.endpoint
        if self.alive:
            return SshRefused(f"the server at {endpoint} refused", doing=doing, board=board)
        if self.watch is not None:
            poll = select.poll()
            poll.register(self.watch, select.POLLIN)
            poll.poll(_GRACE_MS)
            self.watch.check()
        hint = "check the board's console: does it still run?"
        if self._silent:
            said = f"the server at {endpoint} no longer answers"
            return SshSilent(said, doing=doing, board=board, hint=hint)
        reason = str(self._transport.get_exception() or "")
        said = f"the connection to {endpoint} ended" + (f": {reason}" if reason else "")
        if _DROPS_CONNECTIONS.match(self._transport.remote_version) and self._started > 1:
            hint = _DROPPED_HINT
        return SshDropped(said, doing=doing, board=board, hint=hint)

    def close(self) -> None:
        """Close the connection, which ends everything that runs over it."""
        self._hang_up.close()
        self._transport.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _guard(self, keepalive: float) -> None:
        """Thread: close the connection, which ends every wait, if the board's alarm rings or the server is silent."""
        poll = select.poll()
        poll.register(self._hung_up, select.POLLIN)
        if self.watch is not None:
            poll.register(self.watch, select.POLLIN)
        while self.alive:
            if poll.poll(keepalive * 1000):
                self._transport.close()
            else:
                self.ask(Deadline.after(self._answer_seconds))

    def _give_up(self) -> None:
        self._silent = True
        self._transport.close()
