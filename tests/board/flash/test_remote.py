"""A card at an exporter is flashed through a command that runs `dd` there, with the same promises."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest

from hil.board.flash import BoardDirty, MediumInUse, Payload, flash
from hil.board.flash.card import Card
from hil.errors import FlashError

if TYPE_CHECKING:
    from pathlib import Path

    from hil.board.flash import FlashMemory

SHELL = """\
    #!/bin/sh
    # An exporter: does what it is told, but without O_DIRECT, which not every file system has.
    [ "$1" = lsblk ] && exec cat {directory}/lsblk.json
    [ -e {directory}/broken ] && exec sh {directory}/broken
    for word; do
        shift
        case $word in *flag=direct) ;; *) set -- "$@" "$word" ;; esac
    done
    exec "$@"
    """


class Exporter:
    def __init__(self, directory: Path, card: Path) -> None:
        self.directory = directory
        self.card = card
        self.show()
        self.shell = directory / "shell"
        self.shell.write_text(textwrap.dedent(SHELL).format(directory=directory))
        self.shell.chmod(0o755)

    def show(self, mountpoint: str | None = None) -> None:
        disk = {"path": str(self.card), "type": "disk", "size": self.card.stat().st_size, "mountpoints": [mountpoint]}
        disk |= dict.fromkeys(("serial", "model", "tran", "fstype"))
        (self.directory / "lsblk.json").write_text(json.dumps({"blockdevices": [disk]}))

    def breaks(self, script: str) -> None:
        (self.directory / "broken").write_text(script)

    @property
    def medium(self) -> Card:
        return Card("a card elsewhere", lambda: str(self.card), prefix=(str(self.shell),))


@pytest.fixture
def exporter(tmp_path: Path, card_file: Path) -> Exporter:
    return Exporter(tmp_path, card_file)


def test_an_image_is_written_and_read_back(
    exporter: Exporter, image: Path, card_file: Path, memory: FlashMemory
) -> None:
    assert flash(Payload.from_files([(image, "/")]), exporter.medium, memory).written
    content = card_file.read_bytes()
    assert content.startswith(image.read_bytes())
    assert len(content) == 8 << 20
    memory.check()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'dd: error writing: No space left on device' >&2; exit 1", "dd: error writing: No space left on device"),
        ("head -c 100000 > /dev/null; kill -9 $$", "dd ended with status -9"),
        (
            "cat > /dev/null; echo 'Input/output error' >&2; exit 1",
            "did not get onto the medium: Input/output",
        ),
        ("cat > /dev/null", "byte 0 reads back as|the medium ends at byte 0"),
    ],
)
def test_a_write_that_fails_there_leaves_the_board_dirty(
    exporter: Exporter, image: Path, memory: FlashMemory, script: str, message: str
) -> None:
    exporter.breaks(script)
    with pytest.raises(FlashError, match=message):
        flash(Payload.from_files([(image, "/")]), exporter.medium, memory)
    with pytest.raises(BoardDirty):
        memory.check()


def test_a_disk_that_the_exporter_itself_uses_is_refused(exporter: Exporter, image: Path, memory: FlashMemory) -> None:
    exporter.show("/")
    with pytest.raises(MediumInUse, match="is mounted at /"):
        flash(Payload.from_files([(image, "/")]), exporter.medium, memory)
    assert memory.read() is None
