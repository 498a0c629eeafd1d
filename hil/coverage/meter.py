"""Sums the increase of a board's counters, from the start of each machine to its end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hil.errors import InfrastructureError, RecordFailed
from hil.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from hil.board.drivers.hostmemory import HostMemory
    from hil.coverage.image import InstrumentedImage


@dataclass(slots=True)
class Gained:
    """The sums over all machines so far; `ends_lost` counts those that ended before their counters could be read."""

    counts: list[int]
    machines: int = 0
    ends_lost: int = 0

    def add(self, more: Gained) -> None:
        """Add the sums of other machines with the same image."""
        self.counts = [count + further for count, further in zip(self.counts, more.counts, strict=True)]
        self.machines += more.machines
        self.ends_lost += more.ends_lost

    @classmethod
    def read(cls, path: Path) -> tuple[str, Gained]:
        """Read the directory of the build, and the sums, from a file of `write`."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return content.pop("build"), cls(**content)

    def write(self, path: Path, build: Path) -> None:
        """Write the sums of an image from the directory `build`. Raises `RecordFailed`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps({"build": str(build), **asdict(self)}).encode())
        except OSError as error:
            why = f"{path} cannot be written: {error.strerror}"
            raise RecordFailed(why, hint="make space, then run again") from error


class CounterMeter:
    """Keeps the sums of a board in a file. For a machine that continues from a saved state, only the increase counts.

    Otherwise the boot before the state would count once for every fork. It counts where it ran or, for a state saved by
    an earlier run, at its first use.
    """

    def __init__(self, image: InstrumentedImage, file: Path) -> None:
        self._image = image
        self._file = file
        self._gained = Gained(self._nothing)
        self._counted: set[tuple[int, int]] = set()
        self._memory: HostMemory | None = None
        self._before = self._nothing

    def begin(self, memory: HostMemory, state: Path | None = None) -> None:
        """Note that a machine with this memory is about to start, or to continue from `state`."""
        self._memory = memory
        self._before = self._nothing
        if state is not None and _identity(state) in self._counted:
            self._before = self._image.read_counters(memory)
        elif state is not None:
            self._counted.add(_identity(state))

    def saved(self, state: Path) -> None:
        """Note that the machine's state was written to `state`: what it has counted so far is counted already."""
        self._counted.add(_identity(state))

    def restart(self) -> None:
        """Note that the machine is about to be reset; clear its counters, so that nothing counts twice."""
        memory = self._memory
        self.end()
        if memory is not None:
            self._image.clear_counters(memory)
            self.begin(memory)

    def end(self) -> None:
        """Read the counters of the machine, which is about to be switched off."""
        memory, self._memory = self._memory, None
        if memory is None:
            return
        try:
            gain = self._gain(self._image.read_counters(memory)) if self._image.is_in(memory) else self._nothing
            self._gained.add(Gained(gain, machines=1))
        except InfrastructureError:
            self._gained.add(Gained(self._nothing, machines=1, ends_lost=1))
        self._gained.write(self._file, self._image.directory)

    def _gain(self, now: list[int]) -> list[int]:
        """Return the increase. A counter that has decreased shows a reset by the firmware: then all began at zero."""
        gain = [after - before for before, after in zip(self._before, now, strict=True)]
        return now if min(gain) < 0 else gain

    @property
    def _nothing(self) -> list[int]:
        return [0] * sum(place.counters for place in self._image.places)


def _identity(state: Path) -> tuple[int, int]:
    """Identify a saved state by its inode, because its path may change."""
    status = state.stat()
    return status.st_dev, status.st_ino
