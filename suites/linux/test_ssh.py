"""The way to the host: whatever happens to it is seen, in bounded time, as what it is (failure modes 7 and 14)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import (
    CommandTimeout,
    Login,
    PinnedHostKeys,
    Session,
    SshDropped,
    SshHostKeyChanged,
    SshRefused,
    SshSilent,
    TransferFailed,
)
from hil.deadline import Deadline
from hil.errors import Panic, UnexpectedReboot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.linux import Host

pytestmark = pytest.mark.needs_linux

FOREVER = "exec sleep 100000"
TIMEOUT = 60.0
SHORT = 2.0
OUR_SERVER = "$(cut -d' ' -f4 /proc/$PPID/stat)"  # the parent of the server process that serves this connection


@pytest.fixture
def connect(host: Host) -> Callable[..., Session]:
    """Open another connection to the host, as nobody in particular: before logging in there is enough to see."""

    def connect(seconds: float = TIMEOUT, pins: PinnedHostKeys | None = None) -> Session:
        return Session.open(host.session.endpoint, Login("root"), pins or PinnedHostKeys(), Deadline.after(seconds))

    return connect


def run_by_the_server(host: Host, command: str, seconds: float = TIMEOUT) -> None:
    """Run a command on a channel of its own: its parent is the process that serves this connection."""
    host.start(command, stdin=b"").wait(Deadline.after(seconds))


def test_a_panic_of_the_kernel_ends_a_command_at_once(host: Host) -> None:
    with pytest.raises(Panic, match="sysrq triggered crash"):
        host.run(f"echo c >/proc/sysrq-trigger; {FOREVER}", deadline=Deadline.after(TIMEOUT))


def test_a_reboot_that_nobody_asked_for_ends_a_command(host: Host) -> None:
    with pytest.raises(UnexpectedReboot):
        host.run(f"reboot -f; {FOREVER}", deadline=Deadline.after(TIMEOUT))


def test_a_killed_connection_is_dropped_and_can_be_made_again(host: Host) -> None:
    with pytest.raises(SshDropped):
        run_by_the_server(host, f"kill -KILL $PPID; {FOREVER}")
    with pytest.raises(SshDropped):
        host.run("true")
    host.reconnect(Deadline.after(TIMEOUT))
    host.run("true")


def test_a_killed_server_is_refused(host: Host, connect: Callable[..., Session]) -> None:
    run_by_the_server(host, f"kill -KILL {OUR_SERVER}")
    with pytest.raises(SshRefused):
        connect()
    host.run("true")


def test_a_stopped_server_is_silent(host: Host, connect: Callable[..., Session]) -> None:
    run_by_the_server(host, f"kill -STOP {OUR_SERVER}")
    with pytest.raises(SshSilent):
        connect(SHORT)
    run_by_the_server(host, f"kill -CONT {OUR_SERVER}")


def test_a_stopped_connection_is_silent(host: Host) -> None:
    with pytest.raises(SshSilent):
        run_by_the_server(host, f"kill -STOP $PPID; {FOREVER}", SHORT)


def test_a_network_that_goes_away_makes_the_host_silent(host: Host) -> None:
    with pytest.raises(SshSilent):
        host.run(f"ifconfig eth0 down; {FOREVER}", deadline=Deadline.after(SHORT))


def test_a_host_key_of_another_build_is_refused(host: Host, connect: Callable[..., Session]) -> None:
    from paramiko import ECDSAKey

    pins = PinnedHostKeys()
    pins.pin(host.session.endpoint.board, ECDSAKey.generate())
    with pytest.raises(SshHostKeyChanged):
        connect(pins=pins)


def test_a_command_that_takes_too_long_is_killed_on_the_host(host: Host) -> None:
    with pytest.raises(CommandTimeout):
        host.run("echo $$ >/tmp/late; exec sleep 100000", deadline=Deadline.after(SHORT))
    host.run("! kill -0 $(cat /tmp/late)")


def test_a_background_command_ends_with_its_block(host: Host) -> None:
    with host.start("echo $$ >/tmp/background; exec sleep 100000") as process:
        assert process.running
        host.run("while ! [ -s /tmp/background ]; do usleep 10000; done; kill -0 $(cat /tmp/background)")
    host.run("! kill -0 $(cat /tmp/background)")


def test_many_commands_share_one_connection(host: Host) -> None:
    # None ends before all are started: Dropbear 2022.83 would end the connection (docs/ssh.md).
    await_start = "while ! test -e /tmp/started; do usleep 20000; done"
    processes = [host.start(f"{await_start}; usleep {1000 * number}; echo {number}", stdin=b"") for number in range(20)]
    host.run("touch /tmp/started")
    assert [int(process.wait(Deadline.after(TIMEOUT)).text) for process in processes] == list(range(20))


def test_a_full_disk_is_noticed(host: Host, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(1 << 20))
    host.run("mkdir /tmp/small && mount -t tmpfs -o size=64k none /tmp/small")
    with pytest.raises(TransferFailed):
        host.put(tmp_path / "large", "/tmp/small/")


def test_a_local_port_leads_to_the_hosts(host: Host) -> None:
    with host.forward(22) as forward, socket.create_connection(("127.0.0.1", forward.port), timeout=TIMEOUT) as near:
        assert near.recv(4) == b"SSH-"
