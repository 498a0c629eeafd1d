"""`hil report --serve`: boards, running and finished runs as web pages, which show all and control nothing."""

from __future__ import annotations

from hil.operations.serve.app import application
from hil.operations.serve.server import serve

__all__ = ["application", "serve"]
