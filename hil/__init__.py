"""Hardware-in-the-loop tests for ARMv8-A firmware, from a vTPM service at EL3 to U-Boot and UEFI.

`hil.connect("qemu-virt")` opens a board for a script, a prompt or a notebook; docs/scripts.md has examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.session.connection import Connection, connect

__all__ = ["Connection", "connect"]


def __getattr__(name: str) -> Any:
    """Import what is public here when it is used: most programs use none of it, and it takes half a second."""
    if name in __all__:
        from hil.session import connection

        return getattr(connection, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
