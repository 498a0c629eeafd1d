"""Fixtures: Linux on the board, and unmodified Linux guests under its KVM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.deadline import Deadline
    from hil.linux import Guest, Host
    from hil.session.board import Board

NAMES = ("one", "other")
"""The names of the guests that already run when a test starts."""
MEMORY_OF_EACH = 192
"""In MiB."""


@pytest.fixture
def host(request: pytest.FixtureRequest, board: Board) -> Host:
    """The board's Linux over SSH: right after boot, or with two running guests if the test has `two_guests`."""
    board.require("linux")
    kept = request.getfixturevalue("kept_guests") if "two_guests" in request.fixturenames else None
    return board.fork_linux(kept)


@pytest.fixture
def make_guest(host: Host, board: Board) -> Iterator[Callable[..., Guest]]:
    """Start a guest of `host` as `Guest.start` does, and wait until it is ready. All guests end with the test."""
    from hil.linux import Guest

    guests: list[Guest] = []

    def make(*arguments: Any, **options: Any) -> Guest:
        guests.append(Guest.start(host, *arguments, **options))
        guests[-1].wait_ready(board.guest_deadline())
        return guests[-1]

    yield make
    for guest in guests:
        guest.stop()


@pytest.fixture(scope="session")
def kept_guests(board: Board) -> Path | None:
    """The saved state of the board with two guests that have just booted; None if the board cannot save states.

    Later runs find it again, as they do the state right after the boot of the board.
    """
    if not board.strategy.board.forks:
        return None
    from hil.linux.guest import ARGUMENTS

    stored: Path = board.strategy.stored(
        "guests",
        f"{', '.join(NAMES)}: {MEMORY_OF_EACH} MiB, {ARGUMENTS}",
        lambda: start_guests(board.fork_linux(), board.guest_deadline()),
    )
    return stored


def start_guests(host: Host, deadline: Deadline) -> tuple[Guest, ...]:
    """Start the guests of `two_guests`, which boot side by side."""
    from hil.linux import Guest

    guests = tuple(Guest.start(host, name, memory=MEMORY_OF_EACH) for name in NAMES)
    for guest in guests:
        guest.wait_ready(deadline)
    return guests


@pytest.fixture
def two_guests(host: Host, board: Board, kept_guests: Path | None) -> Iterator[tuple[Guest, ...]]:
    """Two guests with unmodified Linux, each in a VM of its own on `host`, with a vTPM, right after boot."""
    from hil.linux import Guest

    if kept_guests is not None:
        yield tuple(Guest(host, name) for name in NAMES)
        return
    guests = start_guests(host, board.guest_deadline())
    yield guests
    for guest in guests:
        guest.stop()


@pytest.fixture
def guest(two_guests: tuple[Guest, ...]) -> Guest:
    """The first of two guests."""
    return two_guests[0]
