"""Runs suites on several boards at once: one process per board, one record for all of them."""

from hil.lab.seat import LeaseWatch, LocalSeat, Seat

__all__ = ["LeaseWatch", "LocalSeat", "Seat"]
