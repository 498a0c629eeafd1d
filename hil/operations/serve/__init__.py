"""The reports of a lab as a web page: boards, runs that go on, runs that ended. It shows, and controls nothing."""

from __future__ import annotations

from hil.operations.serve.app import application
from hil.operations.serve.server import serve

__all__ = ["application", "serve"]
