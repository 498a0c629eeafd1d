"""`hil doctor`: checks what this machine lacks, and how to install it."""

from hil.operations.doctor.check import Check, checks
from hil.operations.doctor.command import command

__all__ = ["Check", "checks", "command"]
