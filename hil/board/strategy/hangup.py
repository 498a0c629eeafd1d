"""Closes the SSH connection to a board's Linux so that the board knows of it, before its state is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.errors import ConsoleTimeout, UsageError

if TYPE_CHECKING:
    from hil.console import ByteStream
    from hil.deadline import Deadline

CONSOLE = "/dev/console"
_ALONE = b"linux: alone"
_SAY_WHEN_ALONE = """\
true 2>/dev/null >>{console} || exit 1
connection=${{SSH_CONNECTION:-22}}
port=$(printf %04X "${{connection##* }}")
(
    while grep -qs " [0-9A-F]*:$port [0-9A-F]*:[0-9A-F]* 01 " {proc}/net/tcp {proc}/net/tcp6; do
        usleep 10000 2>/dev/null || sleep 0.01 2>/dev/null || sleep 1
    done
    echo '{alone}'
) </dev/null >>{console} 2>&1 &
"""
"""Shell commands that wait until no connection to the SSH server is established, and then say so on the console.

They are for any Linux: busybox has `usleep`, others a `sleep` for fractions of a second, POSIX neither. Files in /proc
have ports in hexadecimal, and 01 for established: Linux, Documentation/networking/proc_net_tcp.rst. The last word of
SSH_CONNECTION is the server's own port: ssh(1).
"""


def say_when_alone(console: str = CONSOLE, proc: str = "/proc") -> str:
    """Return the commands for the board."""
    return _SAY_WHEN_ALONE.format(console=console, proc=proc, alone=_ALONE.decode())


def hang_up(ssh: Any, line: ByteStream, deadline: Deadline) -> None:
    """Close the connection of the driver `ssh`, and wait until the board says on its console that it has noticed.

    Otherwise its half of the connection would be saved, too. Raises `UsageError` if the board cannot say it, and what
    the connection and the line raise.
    """
    if ssh.session.run(say_when_alone(), deadline=deadline).status:
        raise UsageError(
            f"the state of this board cannot be saved while it is used over SSH: its user may not write to {CONSOLE}",
            hint="log in as root, or save the state at a prompt on the serial line",
        )
    ssh.hang_up()
    said = b""
    try:
        while _ALONE not in said:
            said += line.receive(deadline)
    except ConsoleTimeout as error:
        raise UsageError(
            f"the state of this board cannot be saved: what it writes to {CONSOLE} did not come on `{line.name}`",
            hint="the kernel needs console=… for the serial line of the last banner",
        ) from error
