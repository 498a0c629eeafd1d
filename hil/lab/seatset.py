"""Boards of a lab that tests use together: a run leases all of them, or none."""

from __future__ import annotations

import json
import random
import select
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.lab.errors import NoBoardFree
from hil.lab.seat import LEASED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from hil.board.drivers.alarm import Alarm
    from hil.lab.seats import PlaceSeat

ROLE_VARIABLE = "HIL_ROLE_"
"""Begins the name of the variable with those that hold for one board of a set: the owner and the place of its lease."""
HOLD_SECONDS = 5.0
"""How long some boards of a set are held while another one is in use. Then all are free for others for a while."""
PAUSE_SECONDS = 5.0


def role_environment(role: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a process has of the variables that hold for the board of a role: its boards are opened with them."""
    found: dict[str, str] = json.loads(environment.get(ROLE_VARIABLE + role, "{}"))
    return found


class LeasesWatch:
    """Watches several leases: each of them ends the run of the set."""

    def __init__(self, alarms: Iterable[Alarm]) -> None:
        self._alarms = tuple(alarms)
        self._poll = select.epoll()
        for alarm in self._alarms:
            self._poll.register(alarm, select.EPOLLIN)

    def fileno(self) -> int:
        """Return a descriptor that is readable once a lease is lost."""
        return self._poll.fileno()

    def check(self) -> None:
        """Raise an error with the reason if a lease is lost."""
        for alarm in self._alarms:
            alarm.check()


@dataclass(slots=True)
class SeatSet:
    """A seat with a board of the lab for each role.

    Two runs that each hold what the other one waits for would wait for ever. So all runs ask for boards in the same
    order, that of their tags, and hold some only for a while without the others.
    """

    name: str
    board: str
    members: Mapping[str, PlaceSeat]
    hardware: str = field(default="", init=False)
    _lease: LeasesWatch | None = field(default=None, init=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, init=False)

    @property
    def board_file(self) -> Path:
        """The file of the first board."""
        return next(iter(self.members.values())).board_file

    @property
    def emulated(self) -> bool:
        """Whether all boards are emulated on this machine."""
        return all(seat.emulated for seat in self.members.values())

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables from which the process makes itself the owner of each place, when it opens the board."""
        own = {ROLE_VARIABLE + role: json.dumps(dict(seat.environment)) for role, seat in self.members.items()}
        first = next(iter(self.members.values())).environment
        return {**first, **own, LEASED: "yes"} if self._lease else {}

    @property
    def lease(self) -> LeasesWatch | None:
        """The watch over all leases."""
        return self._lease

    def acquire(self, deadline: Deadline) -> None:
        """Lease all boards. Raises `NoBoardFree` at the deadline, and `LabUnreachable`; then none is leased."""
        seats = sorted(self.members.values(), key=lambda seat: sorted(seat.tags.items()))
        while True:
            try:
                seats[0].acquire(deadline)
                for seat in seats[1:]:
                    seat.acquire(Deadline.after(min(HOLD_SECONDS, deadline.remaining)))
            except NoBoardFree:
                self.release()
                # By chance, or two runs that have both given up would meet again at the same moment.
                if deadline.expired or self._cancelled.wait(random.uniform(0, PAUSE_SECONDS)):
                    raise
            except BaseException:
                self.release()
                raise
            else:
                self._lease = LeasesWatch(seat.lease for seat in seats if seat.lease)
                return

    def cancel(self) -> None:
        """Stop waiting for boards."""
        self._cancelled.set()
        for seat in self.members.values():
            seat.cancel()

    def blame(self, reason: str) -> None:
        """Note what was wrong with the board that the reason names, or with each, if it names none."""
        named = [seat for role, seat in self.members.items() if reason.startswith(f"{role} (")]
        for seat in named or self.members.values():
            seat.blame(reason)

    def release(self) -> None:
        """Release all leases; the boards are off and free afterwards."""
        self._lease = None
        for seat in self.members.values():
            seat.release()
