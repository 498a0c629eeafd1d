"""An image is on the card as it was built, or the board is dirty (failure modes 11 and 12)."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, NoReturn

import pytest

from hil.board.flash import BoardDirty, FlashBusy, FlashMemory, FlashPhase, MediumMissing, Payload, WrongMedium, flash
from hil.board.flash.card import Card
from hil.board.flash.disk import Expected
from hil.errors import BoardUnreachable, FlashError
from tests.board.flash.conftest import IMAGE_BYTES
from tests.simulators.board import card_image
from tests.simulators.storage import FaultyDisk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.simulators.storage import Faults

MIDDLE = 2 * 1024 * 1024 + 17


def payload_of(image: Path) -> Payload:
    return Payload.from_files([(image, "/")])


def ends_by_sigkill(work: Callable[[], object]) -> bool:
    """Do `work` in a child; whether that was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def test_an_image_is_written_read_back_and_remembered(
    card: Card, card_file: Path, image: Path, memory: FlashMemory
) -> None:
    payload = payload_of(image)
    assert flash(payload, card, memory).written
    assert card_file.read_bytes()[:IMAGE_BYTES] == image.read_bytes()
    assert card_file.stat().st_size == 8 << 20
    state = memory.read()
    assert state is not None
    assert state.holds(payload, card.name)
    memory.check()


def test_an_unchanged_image_is_not_written_again_unless_forced(
    card: Card, card_file: Path, image: Path, memory: FlashMemory
) -> None:
    flash(payload_of(image), card, memory)
    content = bytearray(card_file.read_bytes())
    content[2 << 20] ^= 1  # behind what is looked at
    card_file.write_bytes(content)
    assert not flash(payload_of(image), card, memory).written
    assert card_file.read_bytes() == content
    assert flash(payload_of(image), card, memory, force=True).written
    assert card_file.read_bytes()[:IMAGE_BYTES] == image.read_bytes()


def test_another_medium_is_written_even_if_the_image_is_the_same(
    card: Card, card_file: Path, image: Path, memory: FlashMemory
) -> None:
    flash(payload_of(image), card, memory)
    assert flash(payload_of(image), Card("another card", lambda: str(card_file)), memory).written


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("flip_at", f"byte {MIDDLE} reads back as"),
        ("forget_from", f"byte {3 << 20} reads back as 0xff"),
        ("full_at", f"the write at byte {2 << 20} of {IMAGE_BYTES} failed: No space left"),
        ("vanish_at", f"the write at byte {2 << 20} of {IMAGE_BYTES} failed: No such device"),
        ("unreadable_at", f"reading back at byte {2 << 20} of {IMAGE_BYTES} failed: Input/output error"),
    ],
)
def test_a_card_that_goes_wrong_leaves_the_board_dirty_until_a_flash_goes_well(
    card: Card, card_file: Path, image: Path, memory: FlashMemory, faults: Faults, fault: str, message: str
) -> None:
    flash(payload_of(image), card, memory)
    image.write_bytes(card_image(b"", IMAGE_BYTES))
    card_file.write_bytes(b"\xff" * (8 << 20))
    setattr(faults, fault, MIDDLE)
    with pytest.raises(FlashError) as caught:
        flash(payload_of(image), card, memory)
    assert message in caught.value.message
    assert "dirty" in caught.value.context.hint
    with pytest.raises(BoardDirty):
        memory.check()
    setattr(faults, fault, None)
    card_file.write_bytes(b"\xff" * (8 << 20))
    assert flash(payload_of(image), card, memory).written
    memory.check()


@pytest.mark.parametrize("at", [0, MIDDLE, IMAGE_BYTES - 1])
def test_a_flash_that_is_killed_leaves_the_board_dirty_and_the_next_one_starts_over(
    card: Card, card_file: Path, image: Path, memory: FlashMemory, faults: Faults, at: int
) -> None:
    flash(payload_of(image), card, memory)
    image.write_bytes(card_image(b"", IMAGE_BYTES))
    faults.kill_at = at
    assert ends_by_sigkill(lambda: flash(payload_of(image), card, memory))
    with pytest.raises(BoardDirty, match="failed or was interrupted"):
        memory.check()
    faults.kill_at = None
    assert flash(payload_of(image), card, memory).written
    assert card_file.read_bytes()[:IMAGE_BYTES] == image.read_bytes()


def test_a_flash_that_is_killed_while_reading_back_leaves_the_board_dirty(
    card: Card, image: Path, memory: FlashMemory
) -> None:
    def die(work: FlashPhase, done: int, total: int) -> None:
        if work is FlashPhase.VERIFYING and done == total:
            os.kill(os.getpid(), signal.SIGKILL)

    assert ends_by_sigkill(lambda: flash(payload_of(image), card, memory, meter=die))
    with pytest.raises(BoardDirty):
        memory.check()


def test_an_interrupted_flash_leaves_the_board_dirty(card: Card, image: Path, memory: FlashMemory) -> None:
    def interrupt(_work: FlashPhase, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flash(payload_of(image), card, memory, meter=interrupt)
    with pytest.raises(BoardDirty):
        memory.check()


def test_an_image_that_changes_while_it_is_written_is_not_taken(card: Card, image: Path, memory: FlashMemory) -> None:
    def rebuild(_work: FlashPhase, done: int, _total: int) -> None:
        if done == 1 << 20:
            with image.open("r+b") as file:
                file.seek(MIDDLE)
                file.write(b"rebuilt")

    with pytest.raises(FlashError, match="changed while it was written"):
        flash(payload_of(image), card, memory, meter=rebuild)


@pytest.mark.usefixtures("faults")
def test_a_card_that_is_too_small_is_refused_before_anything_is_written_or_forgotten(
    card_file: Path, image: Path, memory: FlashMemory
) -> None:
    card_file.write_bytes(b"\xff" * (2 << 20))
    with pytest.raises(WrongMedium, match="is too small for an image"):
        flash(payload_of(image), Card("a card", lambda: str(card_file)), memory)
    assert FaultyDisk.writes == 0
    assert memory.read() is None


@pytest.mark.usefixtures("faults")
@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (Expected(smallest=16 << 20), "not of the size that the board file names"),
        (Expected(largest=4 << 20), "not of the size that the board file names"),
        (Expected(serial="1234"), "not the disk with serial number 1234"),
    ],
)
def test_a_card_that_is_not_the_one_that_the_board_file_names_is_refused(
    card_file: Path, image: Path, memory: FlashMemory, expected: Expected, message: str
) -> None:
    with pytest.raises(WrongMedium, match=message):
        flash(payload_of(image), Card("a card", lambda: str(card_file), expected), memory)
    assert FaultyDisk.writes == 0


def test_a_missing_card_is_named(tmp_path: Path, image: Path, memory: FlashMemory) -> None:
    with pytest.raises(MediumMissing, match="there is no"):
        flash(payload_of(image), Card("a card", lambda: str(tmp_path / "nothing")), memory)
    assert memory.read() is None


def test_two_cannot_flash_a_board_at_once(card: Card, image: Path, memory: FlashMemory) -> None:
    other = FlashMemory("board", root=memory.path.parent)

    def join_in(_work: FlashPhase, _done: int, _total: int) -> None:
        with pytest.raises(FlashBusy):
            flash(payload_of(image), card, other)

    assert flash(payload_of(image), card, memory, meter=join_in).written
    memory.check()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": 7}', b'{"schema": 1, "clean": true}'])
def test_a_note_that_makes_no_sense_counts_as_dirty(
    card: Card, image: Path, memory: FlashMemory, damage: bytes
) -> None:
    flash(payload_of(image), card, memory)
    memory.path.write_bytes(damage)
    with pytest.raises(BoardDirty):
        memory.check()
    assert flash(payload_of(image), card, memory).written
    memory.check()


def test_a_card_that_we_may_not_write_to_is_named_before_the_board_is_dirty(
    card: Card, card_file: Path, image: Path, memory: FlashMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, *, writable: bool) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path) if writable else AssertionError

    monkeypatch.setattr("hil.board.flash.card.Disk", refuse)
    with pytest.raises(BoardUnreachable, match=f"cannot open {card_file}: Permission denied"):
        flash(payload_of(image), card, memory)
    assert memory.read() is None
