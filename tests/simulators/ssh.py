"""An SSH server in this process, and a wire to it that can be cut, frozen, or never lead anywhere."""

# ruff: noqa: ARG002 - paramiko names the arguments

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import stat
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOG = "tests.simulators.ssh"
logging.getLogger(_LOG).setLevel(logging.CRITICAL)


def new_key(directory: Path, name: str) -> Path:
    """Make a key pair as `ssh-keygen` does, `name` and `name.pub`."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    file = directory / name
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    )
    file.with_suffix(".pub").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    )
    return file


class Peer:
    """Listens on a port of the loopback address and treats each connection in `serve`."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._listener = self.listen()
        self.port: int = self._listener.getsockname()[1]
        self._serve = serve
        self.accepted: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def listen(self) -> socket.socket:
        return socket.create_server(("127.0.0.1", 0))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for stream in self.accepted:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
            stream.close()

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            self.accepted.append(stream)
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()


class Wire(Peer):
    """Leads to a port, until it is cut (both ends see it) or frozen (nobody sees anything)."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._open = threading.Event()
        self._open.set()
        self._far: list[socket.socket] = []
        super().__init__(self._carry)

    def freeze(self) -> None:
        self._open.clear()

    def thaw(self) -> None:
        self._open.set()

    def cut(self) -> None:
        for end in (*self.accepted, *self._far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.thaw()
        self.cut()
        super().close()

    def _carry(self, near: socket.socket) -> None:
        far = socket.create_connection(("127.0.0.1", self._to))
        self._far.append(far)
        threading.Thread(target=self._pump, args=(far, near), daemon=True).start()
        self._pump(near, far)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._open.wait()
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class SshServer(Peer):
    """Runs commands with `sh`, serves the files below `root`, lets in the owner of `user_key`.

    Faults: so many `refused_commands`; `refuse_sftp`; `short_writes` drops the end of every file silently; `full` lets
    writes fail; `dying` lets the first write end all channels.
    """

    def __init__(self, host_key: Path, user_key: Path, root: Path) -> None:
        self.host_key = paramiko.PKey.from_path(host_key)
        self.user_key = paramiko.PKey.from_path(user_key)
        self.root = root
        self.refused_commands = 0
        self.refuse_sftp = False
        self.short_writes = False
        self.full = False
        self.dying = False
        self.ended = threading.Event()
        """Is set when a command was ended because its channel was closed."""
        self.transports: list[Transport] = []
        super().__init__(self._answer)

    def close(self) -> None:
        for transport in self.transports:
            transport.close()
        super().close()

    def _answer(self, stream: socket.socket) -> None:
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):  # the client may have gone already
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = Transport(stream)
            transport.set_log_channel(_LOG)
            transport.add_server_key(self.host_key)
            transport.set_subsystem_handler("sftp", SFTPServer, _Files, simulator=self)
            self.transports.append(transport)
            transport.start_server(server=_Rules(self))


class _Rules(paramiko.ServerInterface):  # type: ignore[misc]
    def __init__(self, server: SshServer) -> None:
        self._server = server
        self._to: dict[int, tuple[str, int]] = {}

    def check_auth_publickey(self, username: str, key: Any) -> int:
        allowed = username == "root" and key.asbytes() == self._server.user_key.asbytes()
        return int(paramiko.AUTH_SUCCESSFUL if allowed else paramiko.AUTH_FAILED)

    def check_auth_password(self, username: str, password: str) -> int:
        allowed = (username, password) == ("root", "sesame")
        return int(paramiko.AUTH_SUCCESSFUL if allowed else paramiko.AUTH_FAILED)

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
        if self._server.refused_commands:
            self._server.refused_commands -= 1
            return False
        threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True).start()
        return True

    def check_channel_pty_request(self, channel: Any, *_: Any) -> bool:
        return True

    def check_channel_shell_request(self, channel: Any) -> bool:
        return self.check_channel_exec_request(channel, b"echo welcome; exec sh")

    def check_channel_subsystem_request(self, channel: Any, name: str) -> bool:
        return not self._server.refuse_sftp and bool(super().check_channel_subsystem_request(channel, name))

    def check_channel_direct_tcpip_request(self, chanid: int, origin: Any, destination: tuple[str, int]) -> int:
        try:
            far = socket.create_connection(destination, timeout=5)
        except OSError:
            return int(paramiko.OPEN_FAILED_CONNECT_FAILED)
        far.settimeout(None)
        threading.Thread(target=self._lead, args=(chanid, far), daemon=True).start()
        return int(paramiko.OPEN_SUCCEEDED)

    def _lead(self, chanid: int, far: socket.socket) -> None:
        transport = next(one for one in self._server.transports if one.server_object is self)
        channels: Iterator[Any] = iter(lambda: transport.accept(5), None)
        channel = next(one for one in channels if one.get_id() == chanid)
        back = threading.Thread(target=_copy, args=(far.recv, channel.sendall, channel.shutdown_write), daemon=True)
        back.start()
        _copy(channel.recv, far.sendall, lambda: far.shutdown(socket.SHUT_WR))
        back.join()
        channel.close()
        far.close()

    def _run(self, channel: Any, command: str) -> None:
        """As sshd does: the output ends with the last process that has it, the status follows."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._server.root,
            process_group=0,
        )
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None

        def write(data: bytes) -> None:
            stdin.write(data)
            stdin.flush()

        threads = [
            threading.Thread(target=_copy, args=(from_, to, lambda: None), daemon=True)
            for from_, to in (
                (lambda size: os.read(stdout.fileno(), size), channel.sendall),
                (lambda size: os.read(stderr.fileno(), size), channel.sendall_stderr),
            )
        ]
        for thread in threads:
            thread.start()
        threading.Thread(target=_copy, args=(channel.recv, write, stdin.close), daemon=True).start()
        while process.poll() is None:
            select.select([], [], [], 0.002)
            if channel.closed:
                os.killpg(process.pid, 9)
                process.wait()
                self._server.ended.set()
                return
        for thread in threads:
            thread.join()
        with contextlib.suppress(OSError, EOFError):
            channel.shutdown_write()
            if process.returncode >= 0:
                channel.send_exit_status(process.returncode)
            channel.close()


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], Any], end: Callable[[], Any]) -> None:
    with contextlib.suppress(OSError, EOFError, ValueError):
        while data := read(1 << 15):
            write(data)
    with contextlib.suppress(OSError, EOFError, ValueError):
        end()


class _Handle(SFTPHandle):  # type: ignore[misc]
    def __init__(self, server: SshServer, file: Any) -> None:
        super().__init__()
        self._server = server
        self._file = file

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, offset)

    def write(self, offset: int, data: bytes) -> int:
        if self._server.dying:
            self._server.dying = False
            for transport in self._server.transports:
                for channel in transport._channels.values():
                    channel.close()
        if self._server.full:
            return int(paramiko.SFTP_FAILURE)
        os.pwrite(self._file.fileno(), data[:-1] if self._server.short_writes else data, offset)
        return int(paramiko.SFTP_OK)

    def stat(self) -> SFTPAttributes:
        return SFTPAttributes.from_stat(os.fstat(self._file.fileno()))

    def close(self) -> None:
        self._file.close()


class _Files(SFTPServerInterface):  # type: ignore[misc]
    def __init__(self, _rules: paramiko.ServerInterface, *, simulator: SshServer) -> None:
        self._server = simulator

    def _path(self, path: str) -> Path:
        return self._server.root / path.lstrip("/")

    def stat(self, path: str) -> Any:
        try:
            return SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path: str, flags: int, attributes: SFTPAttributes) -> Any:
        try:
            handle = os.open(self._path(path), flags, 0o600)
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)
        return _Handle(self._server, os.fdopen(handle, "rb+" if flags & os.O_RDWR or flags & os.O_WRONLY else "rb"))

    def chattr(self, path: str, attributes: SFTPAttributes) -> int:
        self._path(path).chmod(stat.S_IMODE(attributes.st_mode or 0))
        return int(paramiko.SFTP_OK)
