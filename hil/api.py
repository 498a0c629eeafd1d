"""The public API: what suites, drivers and programs outside of this package may import. docs/api.md has its rules.

This is the one list of it. The documentation is made from it, and tests hold our own suites and examples to it.
"""

from __future__ import annotations

MODULES = (
    "hil",
    "hil.fixtures",
    "hil.target.vtpm",
    "hil.target.vtpm.abi",
    "hil.target.tpm",
    "hil.target.tpm.commands",
    "hil.target.console",
    "hil.target.monitor",
    "hil.target.monitor.abi",
    "hil.target.smccc",
    "hil.linux",
    "hil.linux.device",
    "hil.linux.tpmtools",
    "hil.board.ssh",
    "hil.drivers",
    "hil.strategies",
    "hil.account",
    "hil.record",
    "hil.board.builds",
    "hil.firmware",
    "hil.errors",
    "hil.deadline",
    "hil.headers",
)
"""The public modules, in the order of the reference. Of each, the names in its `__all__` are public."""
