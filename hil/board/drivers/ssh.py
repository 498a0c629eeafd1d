"""labgrid driver: a board's SSH server, used over a single connection of this process.

`hil.board.ssh` is imported on first use: paramiko takes as long to import as labgrid, which boards without SSH need not
pay for.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import attr
from labgrid.driver import Driver
from labgrid.driver.commandmixin import CommandMixin
from labgrid.factory import target_factory
from labgrid.protocol import CommandProtocol, FileTransferProtocol
from labgrid.step import step
from labgrid.util.proxy import proxymanager

from hil.board.drivers.protocols import BoardProtocol
from hil.board.file.labgridenv import board_name
from hil.deadline import Deadline
from hil.errors import BoardFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.board.ssh import Endpoint, PinnedHostKeys, Session

_TEXT = attr.validators.instance_of(str)


def _positive(driver: ParamikoDriver, attribute: attr.Attribute[float], seconds: float) -> None:
    if not isinstance(seconds, int | float) or seconds <= 0:
        file = driver.target.env.config_file if driver.target.env else driver.target.name
        wanted = "it must be a number of seconds above 0"
        raise BoardFileError(f"{file}: ParamikoDriver: `{attribute.name}` is {seconds!r}; {wanted}")


@target_factory.reg_driver
@attr.s(eq=False)
class ParamikoDriver(CommandMixin, Driver, CommandProtocol, FileTransferProtocol):  # type: ignore[misc]
    """A replacement for labgrid's SSHDriver that starts no process for each command, and raises our errors.

    Paths are relative to the board file. A connection that was dropped is not made again until `connect`.

    Args:
        keyfile: our private key; without one the password of the NetworkService is used
        username: user on the board, if not that of the NetworkService
        known_hosts: file in which the host key is pinned; without one it is pinned for the life of this driver
        host_key: file with the public host key that flashing puts on the board; without one the first one seen is taken
        runner: program of ours on the board that starts commands quicker than its SSH server, if there is one
        connection_timeout: seconds that connecting may take when nobody says otherwise
        command_timeout: seconds that a command or transfer may take when nobody says otherwise
    """

    bindings = {"networkservice": "NetworkService", "board": {BoardProtocol, None}}  # noqa: RUF012 - labgrid's way
    priorities = {CommandProtocol: 20, FileTransferProtocol: 20}  # noqa: RUF012 - before labgrid's SSHDriver

    keyfile: str = attr.ib(default="", validator=_TEXT)
    username: str = attr.ib(default="", validator=_TEXT)
    known_hosts: str = attr.ib(default="", validator=_TEXT)
    host_key: str = attr.ib(default="", validator=_TEXT)
    runner: str = attr.ib(default="", validator=_TEXT)
    connection_timeout: float = attr.ib(default=30.0, validator=_positive)
    command_timeout: float = attr.ib(default=60.0, validator=_positive)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._session: Session | None = None
        self._pinned: PinnedHostKeys | None = None

    @property
    def session(self) -> Session:
        """The connection. It is made on first use after the driver was activated."""
        return self._session or self.connect(Deadline.after(self.connection_timeout))

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def connect(self, deadline: Deadline) -> Session:
        """Make a new connection as soon as the server accepts it. Connect again after every power cycle and fork."""
        from hil.board.ssh import Login, Session

        self.hang_up()
        login = Login(
            self.username or self.networkservice.username,
            self._path(self.keyfile),
            self.networkservice.password or "",
        )
        watch = self.board.alarm if self.board else None
        self._session = Session.await_open(self.endpoint, login, self._pins, deadline, watch=watch)
        if self.runner:
            self._session.use_runner(self.runner)
        return self._session

    @property
    def endpoint(self) -> Endpoint:
        """The server's current address, with labgrid's proxy command if any (`LG_PROXY`, or the exporter's)."""
        from hil.board.ssh import Endpoint

        service = self.networkservice
        address, _, interface = service.address.partition("%")
        proxy = proxymanager.get_command(service, address, service.port, interface or None)
        return Endpoint(self.board_name, service.address, service.port, tuple(proxy or ()))

    @property
    def board_name(self) -> str:
        """The name of the board file, under which the host key is pinned."""
        return board_name(self.target)

    def renew_host_key(self) -> None:
        """Pin the host key of the images just flashed or, if it is unknown, the next key that the board shows."""
        from hil.board.ssh.hostkeys import public_key

        file = self._path(self.host_key)
        if file is not None:
            self._pins.pin(self.board_name, public_key(file))
        else:
            self._pins.forget(self.board_name)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["cmd"], result=True)  # type: ignore[untyped-decorator]
    def run(
        self, cmd: str, codec: str = "utf-8", decodeerrors: str = "strict", timeout: float | None = None
    ) -> tuple[list[str], list[str], int]:
        """Run a command; return the lines of its stdout and of its stderr, and its status, as labgrid does."""
        return self._run(cmd, codec=codec, decodeerrors=decodeerrors, timeout=timeout)

    def _run(
        self, cmd: str, *, codec: str = "utf-8", decodeerrors: str = "strict", timeout: float | None = None
    ) -> tuple[list[str], list[str], int]:
        result = self.session.run(cmd, deadline=self._deadline(timeout))
        return (
            result.stdout.decode(codec, decodeerrors).splitlines(),
            result.stderr.decode(codec, decodeerrors).splitlines(),
            result.status,
        )

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["filename", "remotepath"])  # type: ignore[untyped-decorator]
    def put(
        self,
        filename: str,
        remotepath: str = "",
        timeout: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Copy a file to the board, by default into the home directory."""
        self.session.files.put(Path(filename), remotepath, deadline=self._deadline(timeout), progress=progress)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["filename", "destination"])  # type: ignore[untyped-decorator]
    def get(
        self,
        filename: str,
        destination: str = ".",
        timeout: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Copy a file from the board."""
        self.session.files.get(filename, Path(destination), deadline=self._deadline(timeout), progress=progress)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @contextlib.contextmanager
    def forward_local_port(self, remoteport: int, localport: int | None = None) -> Iterator[int]:
        """Forward a local port to a port of the board; yield the local one."""
        with self.session.forward(remoteport, local_port=localport or 0) as forward:
            yield forward.port

    def get_status(self) -> int:
        """Return 1 while there is a connection."""
        return int(self._session is not None and self._session.alive)

    def on_deactivate(self) -> None:
        """Close the connection."""
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    @property
    def _pins(self) -> PinnedHostKeys:
        if self._pinned is None:
            from hil.board.ssh import PinnedHostKeys

            self._pinned = PinnedHostKeys(self._path(self.known_hosts))
        return self._pinned

    def _deadline(self, timeout: float | None) -> Deadline:
        return Deadline.after(self.command_timeout if timeout is None else timeout)

    def _path(self, path: str) -> Path | None:
        if not path:
            return None
        return Path(self.target.env.config.resolve_path(path) if self.target.env else path)
