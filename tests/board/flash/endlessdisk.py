"""What a board file imports to get a disk that takes the first piece of an image, says so, and takes no more."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from hil.board.flash import card
from hil.board.flash.disk import Disk

SAYS_SO = "HIL_TEST_FIFO"


class EndlessDisk(Disk):
    """A `Disk` that never ends its second write."""

    def write(self, offset: int, data: bytes) -> None:
        super().write(offset, data)
        Path(os.environ[SAYS_SO]).write_bytes(b"written")
        signal.pause()


vars(card)["Disk"] = EndlessDisk
