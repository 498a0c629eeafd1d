"""A real sshd on loopback, with keys and settings of its own, and the settings by which `ssh NAME` reaches it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from tests.lab.exporter.reallab import TIMEOUT_SECONDS, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = "/usr/sbin/sshd"
PRIVILEGES = Path("/run/sshd")
"""Without this folder sshd does not start as root; a service manager makes it at boot."""
NAME = "lab-gateway"
"""Known to ssh alone: not a name that resolves."""


@dataclass
class RealSshServer:
    """An sshd, and a folder with a program `ssh` that knows it by name, as a user's ~/.ssh/config would."""

    directory: Path
    port: int
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """Makes programs find the server."""
        return {"PATH": f"{self.directory}{os.pathsep}{os.environ['PATH']}"}

    def forwarded(self) -> set[int]:
        """The ports that somebody has reached through it."""
        return {int(port) for port in re.findall(r"direct_tcpip: .*target \S+ port (\d+)", self.log.read_text())}

    @classmethod
    @contextlib.contextmanager
    def up(cls, directory: Path, *names: str) -> Iterator[RealSshServer]:
        """Serve until the end of the block; `names` are further names by which ssh reaches it."""
        directory.mkdir()
        server = cls(directory, free_port(), directory / "sshd.log")
        server._write(names)
        if os.geteuid() == 0:
            PRIVILEGES.mkdir(exist_ok=True)
        process = subprocess.Popen([SSHD, "-D", "-f", directory / "sshd_config", "-E", server.log])
        try:
            until(lambda: process.poll() is not None or server._answers(), "sshd answers")
            assert process.poll() is None, server.log.read_text()
            yield server
        finally:
            process.terminate()
            process.wait(TIMEOUT_SECONDS)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), Deadline.after(1).remaining).close()
            return True
        return False

    def _write(self, names: tuple[str, ...]) -> None:
        for key in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.directory / key)]
            subprocess.run(command, check=True)
        (self.directory / "authorized_keys").write_bytes((self.directory / "user.pub").read_bytes())
        known = (self.directory / "host.pub").read_text().strip()
        all_names = (NAME, *names)
        (self.directory / "known_hosts").write_text("".join(f"{name} {known}\n" for name in all_names))
        (self.directory / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\n"
            f"HostKey {self.directory}/host\n"
            f"AuthorizedKeysFile {self.directory}/authorized_keys\n"
            f"PidFile {self.directory}/pid\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nLogLevel DEBUG1\nMaxSessions 50\n"
            f"SetEnv PATH={os.environ['PATH']}\n"
        )
        (self.directory / "config").write_text(
            f"Host {' '.join(all_names)}\n"
            f"  HostName 127.0.0.1\n  HostKeyAlias {NAME}\n  Port {self.port}\n"
            f"  IdentityFile {self.directory}/user\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.directory}/known_hosts\n"
        )
        program = self.directory / "ssh"
        program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self.directory}/config "$@"\n')
        program.chmod(0o755)
