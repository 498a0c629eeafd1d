"""Closes the SSH connection to a board's Linux so that the board knows of it, before its state is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.console import ByteStream
    from hil.deadline import Deadline

_ALONE = b"linux: alone"
_SAY_WHEN_ALONE = (
    "(while grep -q ' [0-9A-F]*:0016 [0-9A-F]*:[0-9A-F]* 01 ' /proc/net/tcp; do usleep 10000; done;"
    f" echo '{_ALONE.decode()}') </dev/null >/dev/console 2>&1 &"
)
"""Shell command that waits until no connection to the SSH server is established, and then says so on the console.

In /proc/net/tcp, port 22 is 0016, an established connection 01: Linux, Documentation/networking/proc_net_tcp.rst.
"""


def hang_up(ssh: Any, line: ByteStream, deadline: Deadline) -> None:
    """Close the connection of the driver `ssh`, and wait until the board says on its console that it has noticed.

    Otherwise its half of the connection would be saved, too. Raises what the connection and the line raise.
    """
    ssh.session.run(_SAY_WHEN_ALONE, deadline=deadline)
    ssh.hang_up()
    said = b""
    while _ALONE not in said:
        said += line.receive(deadline)
