"""Counts the traps of a KVM guest to its host, by KVM's tracepoint `kvm_exit`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hil.linux import Machine

_TRACING = "/sys/kernel/tracing"
_EVENT = f"{_TRACING}/events/kvm/kvm_exit"
_HISTOGRAM = "hist:keys=common_pid,ret,esr_ec:size=2048"
_TRAP = 2
"""ARM_EXCEPTION_TRAP of Linux's asm/kvm_asm.h; interrupts have other numbers."""
WAIT = 0x01
"""Exception class of a trapped WFI or WFE (Arm ARM, ESR_ELx)."""
_ENTRY = re.compile(r"common_pid: *(\d+), ret: *(\d+), esr_ec: *(\d+) *\} *hitcount: *(\d+)")


def traps(host: Machine, process: int, action: Callable[[], object]) -> int:
    """Return how many traps the guest of a process on the host causes during `action`.

    All its processors count, with traps by memory accesses, calls and system registers. Interrupts do not count, nor
    waits for them (WFI, WFE): how many there are depends on time, not on the work.
    """
    host.run(f"[ -d {_EVENT} ] || mount -t tracefs tracefs {_TRACING}; echo '{_HISTOGRAM}' >{_EVENT}/trigger")
    try:
        action()
        threads = host.run(["ls", f"/proc/{process}/task"]).lines
        histogram = host.run(["cat", f"{_EVENT}/hist"]).text
    finally:
        host.run(f"echo '!{_HISTOGRAM}' >{_EVENT}/trigger")
    return traps_in(histogram, {int(thread) for thread in threads})


def traps_in(histogram: str, threads: Collection[int]) -> int:
    """Count the traps of these threads in a histogram of the kernel (Documentation/trace/histogram.rst)."""
    entries = [tuple(map(int, entry)) for entry in _ENTRY.findall(histogram)]
    return sum(hits for thread, kind, cause, hits in entries if thread in threads and kind == _TRAP and cause != WAIT)
