"""The one thing that ends every wait on a board at once: its death, its panic, its unexpected reboot."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.errors import HilError


class Alarm:
    """Rings once, for good, from any thread; whoever waits for a board also polls `fileno()`."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._make_error: Callable[[], HilError] | None = None

    def ring(self, make_error: Callable[[], HilError]) -> None:
        """Let `check` raise what `make_error` returns; the first reason stays."""
        with self._lock:
            if self._make_error is None:
                self._make_error = make_error
                os.eventfd_write(self._fd, 1)

    @property
    def ringing(self) -> bool:
        """Whether it has rung."""
        return self._make_error is not None

    def check(self) -> None:
        """Raise the error that it rang for, if it has."""
        if self._make_error is not None:
            raise self._make_error()

    def fileno(self) -> int:
        """Readable from the moment it rings."""
        return self._fd

    def __del__(self) -> None:
        os.close(self._fd)
