"""Reaches machines of a lab that is behind SSH (`LG_PROXY`), by the connections that labgrid keeps for this process."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import threading
from typing import Any

from labgrid.driver.exception import ExecutionError
from labgrid.util.proxy import proxymanager
from labgrid.util.ssh import sshmanager

from hil.errors import BoardUnreachable
from hil.hosts import bracketed

_lock = threading.Lock()
"""labgrid's connections are made and asked by one thread at a time."""

_QUOTED = re.compile(r"""b(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")


def gateway(resource: Any = None) -> str:
    """Return the machine whose SSH leads to a resource, or to the lab; empty if it is reached directly."""
    extra = getattr(resource, "extra", None) or {}
    if extra.get("proxy_required"):
        return str(extra.get("proxy") or "")
    # Of labgrid's two sources the first is private, and has the option --proxy of its client.
    return str(getattr(proxymanager, "_force_proxy", None) or os.environ.get("LG_PROXY") or "")


def forwarded(through: str, host: str, port: int) -> int:
    """Return the port of this machine that leads to `host` through the SSH of `through`. Raises `BoardUnreachable`."""
    try:
        with _lock:
            return int(sshmanager.request_forward(through, bracketed(host), port))
    except (ExecutionError, subprocess.SubprocessError, OSError) as error:
        raise no_login(through, error, f"{bracketed(host)}:{port} is reached") from error


def command_prefix(resource: Any) -> tuple[str, ...]:
    """Return the command that runs another one on the machine that has a resource. Raises `BoardUnreachable`."""
    try:
        with _lock:
            return tuple(resource.command_prefix)
    except (ExecutionError, subprocess.SubprocessError, OSError) as error:
        raise no_login(ssh_host(resource), error, f"{type(resource).__name__} is accessed") from error


def ssh_host(resource: Any) -> str:
    """Return the machine that labgrid logs in to for a resource: the exporter's, or its gateway."""
    extra = getattr(resource, "extra", None) or {}
    return str(extra.get("proxy") if extra.get("proxy_required") else resource.host)


def no_login(host: str, error: BaseException, what: str) -> BoardUnreachable:
    """Return the error for a machine that SSH does not let us into."""
    return BoardUnreachable(
        f"cannot log in to {host}, through which {what}: {ssh_reason(error)}",
        hint=f"`ssh {host} true` must work without a question: key, user and host key belong into ~/.ssh",
    )


def ssh_reason(error: BaseException) -> str:
    """Return what SSH said last about a connection that labgrid could not make; labgrid quotes the bytes of it."""
    quoted = [ast.literal_eval(text) for text in _QUOTED.findall(str(error))]
    if isinstance(error, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        quoted.append(error.output or b"")
    lines = [line.strip() for text in quoted for line in text.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else (str(error).splitlines() or [type(error).__name__])[0]
