"""Which seats wait for the machine, which have a process, how long it may take, and which get another one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hil.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.lab.seat import Seat
    from hil.session.scheduler.process import SeatProcess

LOSSES = 3
"""So often a seat whose board or process was taken away starts again, with another one."""


class Seating:
    """The seats of a run. At most `emulated` boards that are emulated run at once."""

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
        """All that have not ended."""
        return [*self._active.values()]

    @property
    def over(self) -> bool:
        """Whether nobody runs, and nobody waits to."""
        return not self._waiting and not self._active

    def close(self) -> None:
        """Let nobody in any more."""
        self._waiting.clear()

    def startable(self) -> list[Seat]:
        """Take out of those that wait the ones that the machine can run now, and whose hardware no other one uses."""
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
        """Begin with a process that has no board yet."""
        name = process.seat.name
        self._active[name] = process
        self._acquiring.add(name)
        self._leaving.discard(name)

    def acquired(self, process: SeatProcess) -> None:
        """The board is there."""
        self._acquiring.discard(process.seat.name)

    def is_acquiring(self, process: SeatProcess) -> bool:
        """Whether the board is not there yet."""
        return process.seat.name in self._acquiring

    def acquiring(self, board: str) -> list[SeatProcess]:
        """Those that wait for such a board."""
        return [one for one in self.processes if one.seat.board == board and self.is_acquiring(one)]

    def rest(self, process: SeatProcess) -> None:
        """It has nothing to do."""
        self._idle.append(process)

    def wake(self, process: SeatProcess) -> None:
        """It has something to do."""
        self._idle.remove(process)

    def idle(self, board: str) -> list[SeatProcess]:
        """Those with such a board that have nothing to do."""
        return [process for process in self._idle if process.seat.board == board]

    def leave(self, seat: Seat) -> None:
        """It will end by itself, as it should."""
        self._leaving.add(seat.name)

    def is_leaving(self, seat: Seat) -> bool:
        """Whether it ends as it should."""
        return seat.name in self._leaving

    def is_alone(self, seat: Seat) -> bool:
        """Whether no other seat of the same board runs tests now."""
        others = (one.seat for one in self.processes if one.seat.board == seat.board and not self.is_acquiring(one))
        return all(other.name == seat.name or self.is_leaving(other) for other in others)

    def start_again(self, seat: Seat) -> None:
        """Have it wait for the machine once more after its end, unless it was lost too often."""
        if self._losses[seat.name] < LOSSES:
            self._losses[seat.name] += 1
            self._again.add(seat.name)

    def go(self, process: SeatProcess, *, needed: bool) -> None:
        """Forget a process that has ended; its seat waits again if it is to, and is `needed`."""
        name = process.seat.name
        del self._active[name]
        self._acquiring.discard(name)
        self._limits.pop(name, None)
        self._idle = [other for other in self._idle if other is not process]
        if name in self._again and needed:
            self._waiting.append(process.seat)
        self._again.discard(name)

    def limit(self, process: SeatProcess, seconds: float) -> None:
        """Set how long it may take for what it does now."""
        self._limits[process.seat.name] = Deadline.after(seconds)

    def lift(self, process: SeatProcess) -> None:
        """It may take as long as it takes."""
        self._limits.pop(process.seat.name, None)

    def until_due(self) -> float | None:
        """Return after how many seconds the next one is overdue; None when there is no limit."""
        return min((limit.remaining for limit in self._limits.values()), default=None)

    def overdue(self) -> list[tuple[SeatProcess, Deadline]]:
        """Return those that took too long, each once, with the limit."""
        late = [name for name, limit in self._limits.items() if limit.expired]
        return [(self._active[name], self._limits.pop(name)) for name in late]
