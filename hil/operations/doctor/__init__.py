"""What this machine needs, what it lacks, and how to get it: `hil doctor`."""

from hil.operations.doctor.check import Check, checks
from hil.operations.doctor.command import command

__all__ = ["Check", "checks", "command"]
