"""Ends every wait on a board at once when the board dies, panics or reboots unexpectedly."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.errors import HilError


class Alarm:
    """Rings once, and stays ringing. Any thread may ring it; every wait for the board also polls `fileno()`."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._make_error: Callable[[], HilError] | None = None

    def ring(self, make_error: Callable[[], HilError]) -> None:
        """Make `check` raise the error that `make_error` returns. Only the first call counts: it has the cause."""
        with self._lock:
            if self._make_error is None:
                self._make_error = make_error
                os.eventfd_write(self._fd, 1)

    @property
    def ringing(self) -> bool:
        """Whether it has rung."""
        return self._make_error is not None

    def check(self) -> None:
        """Raise the error that the alarm rang for, if it has rung."""
        if self._make_error is not None:
            raise self._make_error()

    def fileno(self) -> int:
        """Return a descriptor that is readable as soon as the alarm rings."""
        return self._fd

    def __del__(self) -> None:
        os.close(self._fd)
