"""Borrowing a board from the keeper of a lab: what a runner does."""

from __future__ import annotations

import contextlib
import getpass
import os
import select
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import UsageError
from hil.lab.errors import LabUnreachable, LeaseLost, NoBoardFree
from hil.lab.wire import LONGEST_LINE, PATIENCE, POWER_OFF_SECONDS, Message, Patience, decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.board.drivers.alarm import Alarm
    from hil.lab.address import LabAddress

CONNECT_SECONDS = 5.0
RELEASE_SECONDS = POWER_OFF_SECONDS + 10.0
"""The keeper switches the board off and tells the coordinator meanwhile."""


class KeeperLine:
    """One connection to a keeper."""

    def __init__(self, address: LabAddress) -> None:
        """Connect. Raises `LabUnreachable`."""
        there = address.keeper.through_proxy()
        self._address = address
        self._unread = b""
        try:
            self._socket = socket.create_connection((there.host, there.port), CONNECT_SECONDS)
        except OSError as error:
            raise LabUnreachable(
                f"there is no keeper at {there}: {error.strerror or error}",
                hint="hil lab up for a local lab; LG_COORDINATOR=HOST:PORT for yours",
            ) from error

    def send(self, message: Message) -> None:
        """Say something. Raises `LabUnreachable`."""
        try:
            self._socket.sendall(encode(message))
        except OSError as error:
            raise LabUnreachable(f"the connection to the keeper at {self._address.keeper} broke") from error

    def receive(self, deadline: Deadline) -> Message | None:
        """Return what the keeper says next, None when it says nothing until the deadline. Raises `LabUnreachable`."""
        while b"\n" not in self._unread and len(self._unread) < LONGEST_LINE:
            if not select.select([self._socket], [], [], deadline.remaining)[0]:
                return None
            try:
                data = self._socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                raise LabUnreachable(f"the keeper at {self._address.keeper} closed the connection")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            return decode(line)
        except ValueError as error:
            raise LabUnreachable(f"the keeper at {self._address.keeper} says something else than a keeper") from error

    def fileno(self) -> int:
        """Readable when the keeper has said something."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Borrowed:
    """What a keeper has lent: a place, the name under which it is acquired, and what the keeper takes for silence."""

    place: str
    owner: str
    holder: str
    patience: Patience


class Loan:
    """A board that is ours until we give it back, or until `alarm` rings.

    It rings when the keeper says so, and when the keeper has not been heard for as long as it told: then nobody can
    tell whose board it is, so it is not ours. A keeper that is started anew within that time notices nothing.
    """

    def __init__(self, address: LabAddress, line: KeeperLine, borrowed: Borrowed, alarm: Alarm) -> None:
        self.borrowed = borrowed
        self.alarm = alarm
        self._address = address
        self._line = line
        self._blame = ""
        self._stop_reader, self._stop_writer = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._keep, name=f"loan of {borrowed.place}", daemon=True)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """What labgrid needs to know to be the owner of the place."""
        host, _, user = self.borrowed.owner.partition("/")
        return {
            "LG_COORDINATOR": str(self._address),
            "LG_PLACE": self.borrowed.place,
            "LG_HOSTNAME": host,
            "LG_USERNAME": user,
        }

    def give_back(self, blame: str = "") -> None:
        """Let go, and return when the board is off and free, or when the keeper takes too long for that.

        `blame` says what was wrong with the board: it is checked before anybody gets it.
        """
        self._blame = blame
        if self._stop_writer >= 0:
            os.close(self._stop_writer)
            self._stop_writer = -1
            self._thread.join(RELEASE_SECONDS)

    def _keep(self) -> None:
        """Send heartbeats until the loan ends."""
        patience = Deadline.after(self.borrowed.patience.runner)
        try:
            while not self._is_over(self.borrowed.patience.beat if not self.alarm.ringing else RELEASE_SECONDS):
                try:
                    patience = self._beat(patience)
                except LabUnreachable as error:
                    if not self._resume(patience):
                        self._lose(error.message)
                        return
                if patience.expired:
                    self._lose(f"nothing heard from the keeper for {patience}")
                    return
            self._release()
        finally:
            self._line.close()
            os.close(self._stop_reader)

    def _beat(self, patience: Deadline) -> Deadline:
        """Say that we live, and take in what the keeper says; returns by when it must be heard again."""
        if not self.alarm.ringing:
            self._line.send({"do": "beat"})
        while (message := self._line.receive(Deadline.after(0))) is not None:
            patience = Deadline.after(self.borrowed.patience.runner)
            if message.get("say") == "lost":
                self._lose(str(message.get("why")))
        return patience

    def _is_over(self, seconds: float) -> bool:
        """Wait for the keeper, or for the end of the loan; return whether it has ended."""
        ready, _, _ = select.select([self._stop_reader, self._line.fileno()], [], [], seconds)
        return self._stop_reader in ready

    def _resume(self, patience: Deadline) -> bool:
        """Connect again to a keeper that may just be starting anew."""
        while not patience.expired:
            with contextlib.suppress(LabUnreachable):
                self._line.close()
                self._line = KeeperLine(self._address)
                self._line.send({"do": "resume", **_plain(self.borrowed)})
                return True
            if self._is_stopped(self.borrowed.patience.beat / 4):
                return False
        return False

    def _is_stopped(self, seconds: float) -> bool:
        return bool(select.select([self._stop_reader], [], [], seconds)[0])

    def _release(self) -> None:
        deadline = Deadline.after(RELEASE_SECONDS)
        with contextlib.suppress(LabUnreachable):
            self._line.send({"do": "release", "blame": self._blame})
            while (message := self._line.receive(deadline)) is not None and message.get("say") != "released":
                pass

    def _lose(self, why: str) -> None:
        place = self.borrowed.place
        self.alarm.ring(
            lambda: LeaseLost(f"the lease of place {place} is gone: {why}", hint="hil boards shows who has it")
        )


def _plain(borrowed: Borrowed) -> Message:
    return {"place": borrowed.place, "owner": borrowed.owner, "holder": borrowed.holder}


def borrow(
    address: LabAddress, tags: Mapping[str, str], deadline: Deadline, cancelled: threading.Event | None = None
) -> Loan:
    """Wait for a board with these tags that is well, and get it.

    Raises `NoBoardFree` at the deadline or soon after it is `cancelled`, and `LabUnreachable` when there is no keeper.
    """
    from hil.board.drivers.alarm import Alarm  # brings labgrid, which `status` needs not, and which takes a while

    line = KeeperLine(address)
    reason = "the keeper says nothing"
    try:
        line.send({"do": "lease", "tags": dict(tags), "host": socket.gethostname(), "user": _user()})
        while not deadline.expired and not (cancelled and cancelled.is_set()):
            message = line.receive(deadline.at_most(PATIENCE.beat))
            match message:
                case None:
                    line.send({"do": "beat"})
                case {"say": "leased", "place": place, "owner": owner, "holder": holder, "patience": seconds}:
                    return Loan(address, line, Borrowed(place, owner, holder, Patience(float(seconds))), Alarm())
                case {"say": "waiting" | "refused", "why": why}:
                    reason = str(why)
    except BaseException:
        line.close()
        raise
    line.close()
    wanted = " ".join(f"{key}={value}" for key, value in tags.items())
    raise NoBoardFree(
        f"no board with the tags {wanted} became free within {deadline}: {reason}",
        hint="hil boards; a longer --wait; or fewer boards at once",
    )


@dataclass(frozen=True, slots=True)
class PlaceStatus:
    """A place as its keeper sees it: `state` says in words who has it, or why nobody gets it."""

    name: str
    tags: dict[str, str]
    state: str
    holder: str
    health: str
    why: str


def status(address: LabAddress) -> list[PlaceStatus]:
    """Return all places. Raises `LabUnreachable`."""
    line = KeeperLine(address)
    try:
        line.send({"do": "status"})
        answer = line.receive(Deadline.after(CONNECT_SECONDS))
    finally:
        line.close()
    if answer is None or answer.get("say") != "status":
        raise LabUnreachable(f"the keeper at {address.keeper} does not say how the lab is")
    return [PlaceStatus(**place) for place in answer["places"]]


def ask_for_check(address: LabAddress, place: str) -> None:
    """Have a board checked as soon as nobody has it. Raises `UsageError` for one that the lab does not have."""
    line = KeeperLine(address)
    try:
        line.send({"do": "check", "place": place})
        answer = line.receive(Deadline.after(CONNECT_SECONDS))
    finally:
        line.close()
    if answer is None or answer.get("say") != "asked":
        raise UsageError(str((answer or {}).get("why", "the keeper does not answer")), hint="hil lab status")


def _user() -> str:
    return f"{os.environ.get('LG_USERNAME') or getpass.getuser()}-{os.getpid()}"
