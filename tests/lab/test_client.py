"""A runner keeps its lease for a while if no keeper runs, and gives it up if one is silent, or has ended it."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.drivers.alarm import Alarm
from hil.errors import HilError
from hil.lab.address import LabAddress
from hil.lab.client import HeldLease, KeeperConnection, LeaseGrant
from hil.lab.wire import Timeouts, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUTS = Timeouts(2.0)
"""Short ones: a lease is given up after a second of silence, or three without a keeper."""
TIMEOUT_SECONDS = 60.0


class Port:
    """The port of a keeper, and the connection of its one runner; what the keeper says is up to the test."""

    def __init__(self) -> None:
        self.port = 0
        self.listen()

    def listen(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._listening.settimeout(TIMEOUT_SECONDS)
        self.port = self._listening.getsockname()[1]

    def accept(self) -> None:
        self._runner, _ = self._listening.accept()
        self._runner.settimeout(TIMEOUT_SECONDS)
        self._lines = self._runner.makefile("rb")

    def die(self) -> None:
        """End as a killed process does: connection and port are gone."""
        self._listening.close()
        with contextlib.suppress(AttributeError):
            self._lines.close()
            self._runner.close()

    def hears(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._lines.readline())
        return message

    def says(self, **message: str) -> None:
        self._runner.sendall(encode(message))


@pytest.fixture
def keeper() -> Iterator[Port]:
    keeper = Port()
    yield keeper
    keeper.die()


@pytest.fixture
def lease(keeper: Port) -> Iterator[HeldLease]:
    address = LabAddress("127.0.0.1", keeper.port - 1)
    lease = HeldLease(
        address, KeeperConnection(address), LeaseGrant("board-1", "vm/hil-me", "me@vm", TIMEOUTS), Alarm()
    )
    keeper.accept()
    yield lease
    keeper.die()
    lease.release()


def rings(lease: HeldLease, seconds: float) -> bool:
    return bool(select.select([lease.alarm], [], [], seconds)[0])


def why_lost(lease: HeldLease) -> str:
    with pytest.raises(HilError) as caught:
        lease.alarm.check()
    return caught.value.message


def test_a_keeper_that_starts_slowly_finds_its_runner_again(keeper: Port, lease: HeldLease) -> None:
    keeper.die()
    assert not rings(lease, 1.8 * TIMEOUTS.runner)
    keeper.listen()
    keeper.accept()
    assert keeper.hears() == {"do": "resume", "place": "board-1", "owner": "vm/hil-me", "holder": "me@vm"}
    keeper.says(say="leased")
    assert keeper.hears() == {"do": "beat"}
    assert not rings(lease, 0)


def test_a_keeper_that_does_not_come_back_is_not_waited_for_without_end(keeper: Port, lease: HeldLease) -> None:
    keeper.die()
    assert rings(lease, TIMEOUT_SECONDS)
    assert "no keeper" in why_lost(lease) or "closed the connection" in why_lost(lease)


def test_a_keeper_that_is_there_and_silent_gets_no_longer_than_before(keeper: Port, lease: HeldLease) -> None:
    stopped = threading.Timer(1.8 * TIMEOUTS.runner, keeper.says, kwargs={"say": "beat"})
    stopped.start()
    assert rings(lease, TIMEOUT_SECONDS)
    assert stopped.is_alive()
    stopped.cancel()
    assert "nothing heard from the keeper for 1 s" in why_lost(lease)


def test_a_runner_that_stood_still_for_too_long_knows_at_once_that_its_board_is_gone(
    keeper: Port, lease: HeldLease
) -> None:
    keeper.says(say="beat")
    keeper.says(say="released")
    assert rings(lease, TIMEOUT_SECONDS)
    assert "has taken the board back" in why_lost(lease)
