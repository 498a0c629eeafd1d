"""Commands, files and ports of a machine that is reached over SSH; every wait is bounded, every failure typed."""

from __future__ import annotations

from hil.ssh.connect import Endpoint, Login
from hil.ssh.hostkeys import PinnedHostKeys
from hil.ssh.process import Process, Result
from hil.ssh.session import Session
from hil.ssh.shell import Shell

__all__ = ["Endpoint", "Login", "PinnedHostKeys", "Process", "Result", "Session", "Shell"]
