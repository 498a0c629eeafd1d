"""The errors of a lab. All of them are infrastructure: they say nothing about the firmware."""

from __future__ import annotations

from hil.errors import InfrastructureError


class LabUnreachable(InfrastructureError):
    """The coordinator or the keeper does not answer."""

    none_runs = False
    """Whether the machine of the keeper has answered that none runs there."""


class NoBoardFree(InfrastructureError):
    """No board with these tags became free in time; the message says who holds them, or what is wrong with them."""


class LeaseLost(InfrastructureError):
    """The board was taken away from this run: somebody kicked it, or a part of the lab died."""


class BoardSick(InfrastructureError):
    """A board failed its health check."""
