"""The states of the seats of a run: which wait to start, have a process, are idle, are overdue, or start once more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hil.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.lab.seat import Seat
    from hil.session.scheduler.process import SeatProcess

LOSSES = 3
"""How often a seat starts again after its board or its process was lost."""


class SeatStates:
    """Tracks the seats of a run, of which at most `emulated` ones with emulated boards run at once."""

    def __init__(self, seats: Iterable[Seat], emulated: int) -> None:
        self._emulated = emulated
        self._waiting = list(seats)
        self._active: dict[str, SeatProcess] = {}
        self._idle: list[SeatProcess] = []
        self._acquiring: set[str] = set()
        self._leaving: set[str] = set()
        self._again: set[str] = set()
        self._losses: Counter[str] = Counter()
        self._limits: dict[str, Deadline] = {}

    @property
    def processes(self) -> list[SeatProcess]:
        """The processes that have not ended."""
        return [*self._active.values()]

    @property
    def is_over(self) -> bool:
        """Whether no seat has a process or waits for one."""
        return not self._waiting and not self._active

    def stop_starting(self) -> None:
        """Start no further seat."""
        self._waiting.clear()

    def take_startable(self) -> list[Seat]:
        """Remove and return the waiting seats that the machine has room for and whose hardware is not in use."""
        active = [process.seat for process in self._active.values()]
        room = self._emulated - sum(seat.emulated for seat in active)
        used = {seat.hardware for seat in active if seat.hardware}
        found = []
        for seat in list(self._waiting):
            if seat.hardware not in used and (not seat.emulated or room > 0):
                room -= seat.emulated
                used |= {seat.hardware} - {""}
                self._waiting.remove(seat)
                found.append(seat)
        return found

    def start(self, process: SeatProcess) -> None:
        """Add a process that has yet to acquire its board."""
        name = process.seat.name
        self._active[name] = process
        self._acquiring.add(name)
        self._leaving.discard(name)

    def mark_acquired(self, process: SeatProcess) -> None:
        """Note that a process has acquired its board."""
        self._acquiring.discard(process.seat.name)

    def is_acquiring(self, process: SeatProcess) -> bool:
        """Whether a process is still acquiring its board."""
        return process.seat.name in self._acquiring

    def acquiring(self, board: str) -> list[SeatProcess]:
        """Return the processes that are still acquiring a board of this name."""
        return [process for process in self.processes if process.seat.board == board and self.is_acquiring(process)]

    def mark_idle(self, process: SeatProcess) -> None:
        """Note that a process has nothing to run."""
        self._idle.append(process)

    def mark_busy(self, process: SeatProcess) -> None:
        """Note that a process has something to run."""
        self._idle.remove(process)

    def idle(self, board: str) -> list[SeatProcess]:
        """Return the idle processes with a board of this name."""
        return [process for process in self._idle if process.seat.board == board]

    def mark_leaving(self, seat: Seat) -> None:
        """Note that a seat is about to end, as intended."""
        self._leaving.add(seat.name)

    def is_leaving(self, seat: Seat) -> bool:
        """Whether a seat is about to end, as intended."""
        return seat.name in self._leaving

    def is_alone(self, seat: Seat) -> bool:
        """Whether no other seat of the same board runs tests now."""
        running = [process.seat for process in self.processes if not self.is_acquiring(process)]
        others = (other for other in running if other.board == seat.board and other.name != seat.name)
        return all(self.is_leaving(other) for other in others)

    def restart_after_end(self, seat: Seat) -> None:
        """Start a seat again after its process has ended, unless it was lost too often."""
        if self._losses[seat.name] < LOSSES:
            self._losses[seat.name] += 1
            self._again.add(seat.name)

    def remove(self, process: SeatProcess, *, needed: bool) -> None:
        """Remove a process that has ended. Its seat starts again if that was asked for and it is still `needed`."""
        name = process.seat.name
        del self._active[name]
        self._acquiring.discard(name)
        self._limits.pop(name, None)
        self._idle = [other for other in self._idle if other is not process]
        if name in self._again and needed:
            self._waiting.append(process.seat)
        self._again.discard(name)

    def set_limit(self, process: SeatProcess, seconds: float) -> None:
        """Set how long a process may take for what it does now."""
        self._limits[process.seat.name] = Deadline.after(seconds)

    def clear_limit(self, process: SeatProcess) -> None:
        """Let a process take as long as it takes."""
        self._limits.pop(process.seat.name, None)

    def until_due(self) -> float | None:
        """Return the seconds until the next process is overdue, None if no process has a limit."""
        return min((limit.remaining for limit in self._limits.values()), default=None)

    def overdue(self) -> list[tuple[SeatProcess, Deadline]]:
        """Return the processes that took too long, each once, with its limit."""
        late = [name for name, limit in self._limits.items() if limit.expired]
        return [(self._active[name], self._limits.pop(name)) for name in late]
