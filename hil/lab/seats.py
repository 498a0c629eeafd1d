"""Places of a lab as seats of a run."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.errors import BoardFileError, UsageError
from hil.lab import simulated
from hil.lab.client import lease_board, status
from hil.lab.errors import NoBoardFree
from hil.lab.seat import LEASED
from hil.lab.seatset import SeatSet
from hil.lab.tags import BOARD, FILE, MACHINE, SICK
from hil.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.board.drivers.alarm import Alarm
    from hil.deadline import Deadline
    from hil.lab.address import LabAddress
    from hil.lab.client import HeldLease, PlaceStatus


@dataclass(slots=True)
class PlaceSeat:
    """Some board of the lab with these tags; which one is decided when it is acquired."""

    name: str
    board: str
    board_file: Path
    emulated: bool
    address: LabAddress
    tags: Mapping[str, str]
    hardware: str = field(default="", init=False)
    _blame: str = field(default="", init=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, init=False)
    _held: HeldLease | None = field(default=None, init=False)

    @property
    def place(self) -> str:
        """The leased place, empty before it is acquired."""
        return self._held.grant.place if self._held else ""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that make the process that drives the board the owner of its place."""
        return {**self._held.environment, LEASED: "yes"} if self._held else {}

    @property
    def lease(self) -> Alarm | None:
        """The alarm that rings when the lease is lost."""
        return self._held.alarm if self._held else None

    def acquire(self, deadline: Deadline) -> None:
        """Lease a board. Raises `NoBoardFree` at the deadline, and `LabUnreachable`."""
        self._held = lease_board(self.address, self.tags, deadline, self._cancelled)

    def cancel(self) -> None:
        """Stop waiting for a board."""
        self._cancelled.set()

    def blame(self, reason: str) -> None:
        """Note what was wrong with the board, for the release."""
        self._blame = self._blame or reason

    def release(self) -> None:
        """Release the lease; the board is off and free afterwards."""
        held, self._held = self._held, None
        blame, self._blame = self._blame, ""
        if held:
            held.release(blame)


def parse_tags(text: str) -> dict[str, str]:
    """Parse tags such as `board=rpi4 site=berlin`, separated by spaces or commas. Raises `UsageError`."""
    words = text.replace(",", " ").split()
    if not words or any(not all(word.partition("=")) for word in words):
        raise UsageError(
            f"{text!r} is no list of tags", hint="--pool 'board=rpi4', or more tags: 'board=rpi4 site=lab1'"
        )
    return {key: value for key, _, value in (word.partition("=") for word in words)}


def seats(
    address: LabAddress, root: Path, wanted: str, number: int | None = None, *, each: bool = False
) -> list[PlaceSeat]:
    """Return seats for `number` boards with the tags `wanted`, or for all healthy ones; nothing is acquired yet.

    Tests are distributed to the seats; with `each`, every seat runs all of them. `root` is the tree with board files.
    Raises `UsageError` if the lab has no such boards, `NoBoardFree` if all are out of the pool, and `LabUnreachable`.
    """
    tags = parse_tags(wanted)
    places = status(address)
    matching = [place for place in places if _has(place, tags) and place.tags.get(MACHINE, _here()) == _here()]
    boards = sorted({place.tags[BOARD] for place in matching})
    if len(boards) != 1:
        known = sorted({place.tags[BOARD] for place in places if BOARD in place.tags})
        raise UsageError(
            f"the boards with the tags {wanted} are of several kinds: {', '.join(boards)}"
            if boards
            else f"the lab at {address} has no boards with the tags {wanted}",
            hint=f"--pool 'board=NAME', with {' or '.join(boards or known) or 'a name of a board that the lab has'}",
        )
    well = [place for place in matching if place.health != SICK]
    if not well:
        reasons = "; ".join(f"{place.name}: {place.why}" for place in matching)
        raise NoBoardFree(f"all boards with the tags {wanted} are out of the pool: {reasons}", hint="hil boards")
    if number is not None and number > len(matching):
        raise UsageError(f"the lab at {address} has {len(matching)} boards with the tags {wanted}, not {number}")
    first = matching[0]
    if MACHINE in first.tags:
        tags[MACHINE] = _here()
    file, board = _board_file(root, first), boards[0]
    names = [f"{board}-{n}" for n in range(1, (number or len(well)) + 1)]
    return [PlaceSeat(name, name if each else board, file, MACHINE in first.tags, address, tags) for name in names]


def _has(place: PlaceStatus, tags: Mapping[str, str]) -> bool:
    return BOARD in place.tags and tags.items() <= {**place.tags, "name": place.name}.items()


def _here() -> str:
    return socket.gethostname()


def _board_file(root: Path, place: PlaceStatus) -> Path:
    name = place.tags[BOARD]
    if name == simulated.BOARD:
        return simulated.BOARD_FILE
    candidates = (
        [root / place.tags[FILE]]
        if FILE in place.tags
        else [root / Settings.from_directory(root).board_files / f"{name}{end}.yaml" for end in ("-remote", "")]
    )
    for file in candidates:
        if file.is_file():
            return file
    raise BoardFileError(
        f"place {place.name} has the board {name!r}, whose board file {candidates[-1]} does not exist",
        hint="hil boards",
    )


def seat_sets(
    address: LabAddress, root: Path, wanted: Mapping[str, str], number: int = 1, *, each: bool = False
) -> list[SeatSet]:
    """Return `number` seats that each have a board for every role in `wanted`, which has the tags of each.

    Raises what `seats` raises.
    """
    of_role = {role: seats(address, root, tags, number) for role, tags in wanted.items()}
    board = "+".join(found[0].board for found in of_role.values())
    names = [f"{board}-{place}" for place in range(1, number + 1)]
    return [
        SeatSet(name, name if each else board, {role: found[place] for role, found in of_role.items()})
        for place, name in enumerate(names)
    ]
