"""Boards whose boot goes wrong in every bring_up that a first boot does."""

from __future__ import annotations

from tests.board.drivers.conftest import make_board

__all__ = ["make_board"]
