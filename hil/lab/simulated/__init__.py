"""Simulated boards: programs that speak as the monitor does, to try a lab out without boards or emulators."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BOARD", "BOARD_FILE"]

BOARD = "simulated"
"""The tag `board` of their places, and the beginning of their names."""
BOARD_FILE = Path(__file__).parent / f"{BOARD}.yaml"
"""Is part of the package, so no tree needs one of its own."""
