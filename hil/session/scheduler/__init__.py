"""Runs suites on several boards at once, one process per board, with one record of it all."""

from hil.lab.seat import Lease, LocalSeat, Seat

__all__ = ["Lease", "LocalSeat", "Seat"]
