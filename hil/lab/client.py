"""The keeper's client: how a runner leases a board, and holds the lease."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import BoardUnreachable, UsageError
from hil.lab.errors import LabUnreachable, LeaseLost, NoBoardFree
from hil.lab.tls import CACERT, SWITCH, LabTls
from hil.lab.wire import LONGEST_LINE, POWER_OFF_SECONDS, TIMEOUTS, Message, Timeouts, decode, encode
from hil.paths import user_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.board.drivers.alarm import Alarm
    from hil.lab.address import LabAddress

CONNECT_SECONDS = 5.0
RELEASE_SECONDS = POWER_OFF_SECONDS + 10.0
"""How long the keeper may take to switch the board off and to free its place."""


class KeeperConnection:
    """One connection to a keeper."""

    def __init__(self, address: LabAddress) -> None:
        """Connect. Raises `LabUnreachable`."""
        self._address = address
        self._unread = b""
        where = address.keeper
        try:
            there = where.through_proxy()
            self._socket = socket.create_connection((there.host, there.port), CONNECT_SECONDS)
        except BoardUnreachable as error:
            raise LabUnreachable(error.message, hint=error.context.hint) from error
        except ConnectionRefusedError as error:
            raise _no_keeper(where, error, sure=there == where) from error
        except socket.gaierror as error:
            raise LabUnreachable(
                f"the name of the lab's server, {where.host}, does not resolve",
                hint="LG_COORDINATOR names it: is it misspelt? Else add it to DNS or /etc/hosts, or set LG_PROXY",
            ) from error
        except OSError as error:
            raise _no_keeper(where, error) from error
        if tls := LabTls.from_environment():
            self._secure(tls)

    def _secure(self, tls: LabTls) -> None:
        context = tls.context()
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self._address.host)
        except OSError as error:  # which ssl.SSLError is
            self._socket.close()
            raise LabUnreachable(
                f"the keeper at {self._address.keeper} cannot be trusted: {getattr(error, 'verify_message', error)}",
                hint=f"{CACERT} names the certificate that signed the keeper's; unset {SWITCH} for a lab without TLS",
            ) from error

    def send(self, message: Message) -> None:
        """Send a message. Raises `LabUnreachable`."""
        try:
            self._socket.sendall(encode(message))
        except OSError as error:
            raise LabUnreachable(f"the connection to the keeper at {self._address.keeper} broke") from error

    def receive(self, deadline: Deadline) -> Message | None:
        """Return the next message, None if none comes before the deadline. Raises `LabUnreachable`."""
        while b"\n" not in self._unread and len(self._unread) < LONGEST_LINE:
            if not select.select([self._socket], [], [], deadline.remaining)[0]:
                return None
            self._unread += self._read()
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            return decode(line)
        except ValueError as error:
            raise LabUnreachable(
                f"the keeper at {self._address.keeper} sends something that is no message: is it another program?"
            ) from error

    def _read(self) -> bytes:
        """Return all that has arrived; with TLS that may be nothing, since it has messages of its own."""
        data = b""
        try:
            self._socket.settimeout(0)
            while not data or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
                if not (more := self._socket.recv(65536)):
                    break
                data += more
            self._socket.settimeout(CONNECT_SECONDS)
        except ssl.SSLWantReadError:
            self._socket.settimeout(CONNECT_SECONDS)
            return data
        except OSError:
            data = b""
        if not data:
            raise LabUnreachable(
                f"the keeper at {self._address.keeper} closed the connection",
                hint=f"does this lab have TLS? {SWITCH}=1" if SWITCH not in os.environ else "",
            )
        return data

    def fileno(self) -> int:
        """Return the descriptor, readable when a message has arrived."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _no_keeper(where: LabAddress, error: OSError, *, sure: bool = False) -> LabUnreachable:
    """Return the error for a keeper that cannot be connected; `sure` says that its machine has said that none runs."""
    unreachable = LabUnreachable(
        f"there is no keeper at {where}: {error.strerror or error}",
        hint="hil lab up for a local lab; LG_COORDINATOR=HOST:PORT for yours",
    )
    unreachable.none_runs = sure
    return unreachable


@dataclass(frozen=True, slots=True)
class LeaseGrant:
    """What a keeper has granted: a place, the name of its owner at the coordinator, and the timeouts."""

    place: str
    owner: str
    holder: str
    timeouts: Timeouts


class HeldLease:
    """A lease that is held until it is released, or until `alarm` rings.

    The alarm rings when the keeper reports the loss of the lease, and when the keeper has been silent for the timeout:
    the board may be somebody else's by then. The runner's timeout is shorter than the keeper's, so a runner that is cut
    off stops before the keeper gives its board to another one. A keeper that restarts within the timeout ends no
    lease: the runner connects again and resumes it.
    """

    def __init__(self, address: LabAddress, line: KeeperConnection, grant: LeaseGrant, alarm: Alarm) -> None:
        self.grant = grant
        self.alarm = alarm
        self._address = address
        self._line = line
        self._blame = ""
        self._stop_reader, self._stop_writer = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._keep, name=f"lease of {grant.place}", daemon=True)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which labgrid is the owner of the place."""
        host, _, user = self.grant.owner.partition("/")
        return {
            "LG_COORDINATOR": str(self._address),
            "LG_PLACE": self.grant.place,
            "LG_HOSTNAME": host,
            "LG_USERNAME": user,
        }

    def release(self, blame: str = "") -> None:
        """Release the lease; returns when the board is off and free, or when the keeper takes too long.

        `blame` says what was wrong with the board, which is then checked before it is leased again.
        """
        self._blame = blame
        if self._stop_writer >= 0:
            os.close(self._stop_writer)
            self._stop_writer = -1
            self._thread.join(RELEASE_SECONDS)

    def _keep(self) -> None:
        """Send heartbeats until the lease ends."""
        silence = Deadline.after(self.grant.timeouts.runner)
        try:
            while not self._is_over(self.grant.timeouts.heartbeat if not self.alarm.ringing else RELEASE_SECONDS):
                try:
                    silence = self._beat(silence)
                except LabUnreachable as error:
                    resumed = None if self.alarm.ringing else self._resume(silence)
                    if resumed is None:
                        self._lose(error.message)
                        return
                    silence = resumed
                if silence.expired:
                    self._lose(f"nothing heard from the keeper for {silence}")
                    return
            self._release()
        finally:
            self._line.close()
            os.close(self._stop_reader)

    def _beat(self, silence: Deadline) -> Deadline:
        """Send a heartbeat and read the keeper's messages; returns the deadline for its next one.

        Once the lease is lost no heartbeat is sent: the keeper must not take this runner for the owner.
        """
        if not self.alarm.ringing:
            self._line.send({"do": "beat"})
        while (message := self._line.receive(Deadline.after(0))) is not None:
            silence = Deadline.after(self.grant.timeouts.runner)
            if message.get("say") == "lost":
                self._lose(str(message.get("why")))
            elif message.get("say") == "released":  # which nobody has asked for: this process stood still for too long
                self._lose("the keeper had heard nothing of this runner, and has taken the board back")
        return silence

    def _is_over(self, seconds: float) -> bool:
        """Wait for a message or for `release`; returns whether the lease was released."""
        ready, _, _ = select.select([self._stop_reader, self._line.fileno()], [], [], seconds)
        return self._stop_reader in ready

    def _resume(self, silence: Deadline) -> Deadline | None:
        """Connect to a keeper that may just be restarting, and resume the lease; None if that takes too long.

        Returns the deadline for its next message. As long as its machine says that no keeper runs, which it says
        without a delay, nobody else is given the board: the next keeper waits `Timeouts.keeper` for this runner. So
        such a time is no silence, but `Timeouts.restart` bounds it, because nobody would tell of a board that was
        taken away.
        """
        restart = Deadline.after(self.grant.timeouts.restart)
        while not silence.expired:
            try:
                self._line.close()
                self._line = KeeperConnection(self._address)
                self._line.send({"do": "resume", **_plain(self.grant)})
                return silence
            except LabUnreachable as error:
                if error.none_runs and not restart.expired:
                    silence = Deadline.after(self.grant.timeouts.runner)
            if self._is_stopped(self.grant.timeouts.heartbeat / 4):
                return None
        return None

    def _is_stopped(self, seconds: float) -> bool:
        return bool(select.select([self._stop_reader], [], [], seconds)[0])

    def _release(self) -> None:
        deadline = Deadline.after(RELEASE_SECONDS)
        with contextlib.suppress(LabUnreachable):
            self._line.send({"do": "release", "blame": self._blame})
            while (message := self._line.receive(deadline)) is not None and message.get("say") != "released":
                pass

    def _lose(self, why: str) -> None:
        place = self.grant.place
        self.alarm.ring(
            lambda: LeaseLost(f"the lease of place {place} is gone: {why}", hint="hil boards shows who has it")
        )


def _plain(grant: LeaseGrant) -> Message:
    return {"place": grant.place, "owner": grant.owner, "holder": grant.holder}


def lease_board(
    address: LabAddress, tags: Mapping[str, str], deadline: Deadline, cancelled: threading.Event | None = None
) -> HeldLease:
    """Wait for a healthy board with these tags, and lease it.

    Raises `NoBoardFree` at the deadline or soon after `cancelled` is set, and `LabUnreachable` without a keeper.
    """
    from hil.board.drivers.alarm import Alarm  # imports labgrid, which takes a second and which `status` can do without

    line = KeeperConnection(address)
    reason = "the keeper does not answer"
    try:
        line.send({"do": "lease", "tags": dict(tags), "host": socket.gethostname(), "user": _user()})
        while not deadline.expired and not (cancelled and cancelled.is_set()):
            message = line.receive(deadline.at_most(TIMEOUTS.heartbeat))
            match message:
                case None:
                    line.send({"do": "beat"})
                case {"say": "leased", "place": place, "owner": owner, "holder": holder, "patience": seconds}:
                    return HeldLease(address, line, LeaseGrant(place, owner, holder, Timeouts(float(seconds))), Alarm())
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
    """A place as its keeper sees it: `state` says in words who holds it, or why it is not leased."""

    name: str
    tags: dict[str, str]
    state: str
    holder: str
    health: str
    why: str


def status(address: LabAddress) -> list[PlaceStatus]:
    """Return all places. Raises `LabUnreachable`."""
    line = KeeperConnection(address)
    try:
        line.send({"do": "status"})
        answer = line.receive(Deadline.after(CONNECT_SECONDS))
    finally:
        line.close()
    if answer is None or answer.get("say") != "status":
        raise LabUnreachable(f"the keeper at {address.keeper} does not answer the question for its status")
    return [PlaceStatus(**place) for place in answer["places"]]


def request_check(address: LabAddress, place: str) -> None:
    """Ask for a health check of a board as soon as it is free. Raises `UsageError` if the lab has no such place."""
    line = KeeperConnection(address)
    try:
        line.send({"do": "check", "place": place})
        answer = line.receive(Deadline.after(CONNECT_SECONDS))
    finally:
        line.close()
    if answer is None or answer.get("say") != "asked":
        raise UsageError(str((answer or {}).get("why", "the keeper does not answer")), hint="hil lab status")


def _user() -> str:
    return f"{os.environ.get('LG_USERNAME') or user_name()}-{os.getpid()}"
