"""What is written to a card is an image of a card, whatever its name says; nothing else touches the card."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.board.flash import FlashMemory, Payload, flash
from hil.board.flash.card import Card
from hil.board.flash.disk import Disk
from hil.board.flash.payload import PayloadFile
from hil.errors import ExitCode, FlashError, UsageError
from tests.board.flash.conftest import IMAGE_BYTES
from tests.simulators.board import card_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.simulators.bench import Bench
    from tests.simulators.storage import Faults

MEBIBYTE = 1 << 20
BLOCK = 4096
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
PAGE = b"\xef\xbb\xbf\r\n<!DOCTYPE html><html><title>404 Not Found</title></html>"
GPT = bytes(512) + b"EFI PART" + bytes(4096)


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True, timeout=60).stdout


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstd,
    "bzip2": lambda data: bz2.compress(data, 1),
}
REFUSED = {
    "empty": (b"", "is empty", "make it again"),
    "compressed-empty": (gzip.compress(b""), "is empty", "make it again"),
    "page": (PAGE, "is a web page", "download the file itself"),
    "compressed-page": (lzma.compress(PAGE), "is a web page", "download the file itself"),
    "lfs": (LFS, "is a pointer of Git LFS", "git lfs pull"),
    "elf": (b"\x7fELF" + bytes(600), "no partition table .* ELF file", "partitioned: false"),
    "zip": (b"PK\x03\x04" + bytes(600), "no partition table .* ZIP archive", "the image of the card"),
    "tar": (bytes(257) + b"ustar" + bytes(600), "it is a tar archive", "the image of the card"),
    "kernel": (bytes(56) + b"ARM\x64" + bytes(600), "a kernel for arm64", "the image of the card"),
    "text": (b"see the wiki\n" * 100, "a text: see", "the image of the card"),
    "zeros": (bytes(1 << 16), "zeros at the beginning", "the image of the card"),
    "noise": (b"\xa5" * 5000, "of an unknown kind: a5 a5", "the image of the card"),
    "twice-compressed": (gzip.compress(lzma.compress(card_image(b"", 1 << 16))), "still compressed .xz", "the image"),
    "truncated": (gzip.compress(card_image(b"", 1 << 16))[:-100], "compressed .gzip. and damaged", "again"),
    "truncated-zstd": (zstd(card_image(b"", 1 << 18))[:-100], "compressed .zstd. and damaged", "again"),
    "spoiled": (lzma.compress(card_image(b"", 1 << 16))[:-40] + bytes(40), "compressed .xz. and damaged", "again"),
}


@pytest.mark.parametrize(("content", "message", "hint"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_image_is_refused_with_what_it_is_before_the_card_is_touched(
    bench: Bench, content: bytes, message: str, hint: str
) -> None:
    before = bench.card.read_bytes()
    bench.image.write_bytes(content)
    strategy = bench.strategy(deadline=4.0)
    with pytest.raises(UsageError, match=message) as caught:
        strategy.flash()
    assert caught.value.exit_code is ExitCode.USAGE
    assert str(bench.image) in caught.value.message
    assert hint in caught.value.context.hint
    assert bench.card.read_bytes() == before


@pytest.mark.parametrize("content", [b"", PAGE, LFS], ids=["empty", "page", "lfs"])
def test_what_is_no_file_is_refused_for_every_medium(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kernel8.img"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"is empty|is a web page|is a pointer"):
        Payload.from_files([(path, "kernel8.img")])


def test_a_file_in_a_folder_needs_no_partitions_and_stays_compressed(tmp_path: Path) -> None:
    path = tmp_path / "initrd.gz"
    path.write_bytes(gzip.compress(b"files"))
    file = PayloadFile.from_file(path, "initrd.gz")
    assert (file.compression, file.size) == ("", path.stat().st_size)


@pytest.mark.parametrize("head", [GPT, card_image(b"", 1024), bytes(4096) + b"EFI PART" + bytes(512)])
def test_an_image_with_mbr_or_gpt_is_taken(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "card.img"
    path.write_bytes(head)
    assert PayloadFile.from_file(path).size == len(head)


def test_a_board_that_boots_without_partitions_says_so(tmp_path: Path) -> None:
    path = tmp_path / "card.img"
    path.write_bytes(b"\xa5" * 5000)
    assert PayloadFile.from_file(path, partitioned=False).size == 5000


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_compressed_image_is_unpacked_on_the_way_and_read_back(
    card: Card, card_file: Path, image: Path, memory: FlashMemory, pack: Callable[[bytes], bytes]
) -> None:
    content = image.read_bytes()
    image.write_bytes(pack(content))
    payload = Payload.from_files([(image, "/")])
    (file,) = payload.files
    assert (file.size, file.sha256) == (IMAGE_BYTES, hashlib.sha256(content).hexdigest())
    assert flash(payload, card, memory).written
    assert card_file.read_bytes()[:IMAGE_BYTES] == content
    assert not flash(payload, card, memory).written


def test_the_unpacked_content_is_read_back(card: Card, image: Path, memory: FlashMemory, faults: Faults) -> None:
    image.write_bytes(gzip.compress(image.read_bytes(), 1))
    faults.flip_at = 2 * MEBIBYTE + 17
    with pytest.raises(FlashError, match=f"byte {faults.flip_at} reads back as"):
        flash(Payload.from_files([(image, "/")]), card, memory)


class CountingDisk(Disk):
    """Counts the bytes that are written and read."""

    written = 0
    read_back = 0

    def write(self, offset: int, data: bytes) -> None:
        CountingDisk.written += len(data)
        super().write(offset, data)

    def read(self, offset: int, size: int) -> bytes:
        CountingDisk.read_back += size
        return super().read(offset, size)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[CountingDisk]:
    monkeypatch.setattr("hil.board.flash.card.Disk", CountingDisk)
    monkeypatch.setattr(CountingDisk, "written", 0)
    monkeypatch.setattr(CountingDisk, "read_back", 0)
    return CountingDisk


def sparse_image(path: Path, size: int, pieces: int) -> None:
    """Make an image with pieces of a MiB, evenly spread; all else is a hole."""
    with path.open("wb") as file:
        for number in range(pieces):
            file.seek(number * (size // pieces) // MEBIBYTE * MEBIBYTE)
            file.write(card_image(b"", MEBIBYTE) if number == 0 else os.urandom(MEBIBYTE))
        file.truncate(size)


def test_zeros_are_written_only_where_the_card_has_something_else(
    tmp_path: Path, memory: FlashMemory, counted: type[CountingDisk]
) -> None:
    image, medium, size = tmp_path / "card.img", tmp_path / "card", 64 * MEBIBYTE
    sparse_image(image, size, 4)
    with medium.open("wb") as file:
        file.truncate(size)
        file.seek(30 * MEBIBYTE + 5)
        file.write(b"left by another system")
    flash(Payload.from_files([(image, "/")]), Card("a card", lambda: str(medium)), memory)
    assert medium.read_bytes() == image.read_bytes()
    assert counted.written == 5 * MEBIBYTE


def test_an_image_of_gigabytes_costs_the_writes_of_its_data(
    tmp_path: Path, memory: FlashMemory, counted: type[CountingDisk]
) -> None:
    image, medium, size, pieces = tmp_path / "card.img", tmp_path / "card", 512 * MEBIBYTE, 12
    sparse_image(image, size, pieces)
    with medium.open("wb") as file:
        file.truncate(size)
    flash(Payload.from_files([(image, "/")]), Card("a card", lambda: str(medium)), memory)
    assert counted.written == pieces * MEBIBYTE
    assert counted.read_back == size + (size - pieces * MEBIBYTE)
    assert medium.stat().st_blocks * 512 < 2 * pieces * MEBIBYTE


def write_map(path: Path, content: bytes, ranges: list[tuple[int, int]], size: int = 0) -> None:
    """Write a block map in the format 2.0 of `bmaptool`, for ranges of blocks (first, last)."""

    def checksum(first: int, last: int) -> str:
        return hashlib.sha256(content[first * BLOCK : (last + 1) * BLOCK]).hexdigest()

    lines = "".join(f'<Range chksum="{checksum(*each)}"> {each[0]}-{each[1]} </Range>\n' for each in ranges)
    mapped = sum(last - first + 1 for first, last in ranges)
    text = (
        f'<?xml version="1.0" ?>\n<bmap version="2.0">\n<ImageSize> {size or len(content)} </ImageSize>\n'
        f"<BlockSize> {BLOCK} </BlockSize>\n<BlocksCount> {-(-len(content) // BLOCK)} </BlocksCount>\n"
        f"<MappedBlocksCount> {mapped} </MappedBlocksCount>\n<ChecksumType> sha256 </ChecksumType>\n"
        f"<BmapFileChecksum> {'0' * 64} </BmapFileChecksum>\n<BlockMap>\n{lines}</BlockMap>\n</bmap>\n"
    )
    own = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(text.replace(f"<BmapFileChecksum> {'0' * 64}", f"<BmapFileChecksum> {own}"))


@pytest.mark.parametrize("name", ["card.img.xz.bmap", "card.img.bmap", "card.bmap"])
def test_blocks_without_content_are_left_alone_as_the_map_beside_the_image_says(
    card: Card, card_file: Path, tmp_path: Path, memory: FlashMemory, counted: type[CountingDisk], name: str
) -> None:
    content = card_image(b"", 4 * MEBIBYTE)
    image = tmp_path / "card.img.xz"
    image.write_bytes(lzma.compress(content, preset=0))
    write_map(tmp_path / name, content, [(0, 9), (600, 600)])
    flash(Payload.from_files([(image, "/")]), card, memory)
    found = card_file.read_bytes()
    assert found[: 10 * BLOCK] == content[: 10 * BLOCK]
    assert found[600 * BLOCK : 601 * BLOCK] == content[600 * BLOCK : 601 * BLOCK]
    assert found[MEBIBYTE : 2 * MEBIBYTE] == b"\xff" * MEBIBYTE
    assert counted.written == counted.read_back == 2 * MEBIBYTE


def damaged_content(image: Path, _map: Path) -> None:
    content = bytearray(image.read_bytes())
    content[5 * BLOCK] ^= 1
    image.write_bytes(content)


def shorter(image: Path, _map: Path) -> None:
    image.write_bytes(image.read_bytes()[:-BLOCK])


def damaged_map(_image: Path, path: Path) -> None:
    path.write_text(path.read_text().replace(" 0-9 ", " 0-8 "))


def cut_map(_image: Path, path: Path) -> None:
    path.write_text(path.read_text()[:100])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damaged_content, f"the image differs in bytes 0 to {10 * BLOCK - 1}"),
        (shorter, f"it is for an image of {MEBIBYTE} bytes, not {MEBIBYTE - BLOCK}"),
        (damaged_map, "its own checksum is wrong"),
        (cut_map, "does not fit its image, or is damaged"),
    ],
)
def test_a_map_that_does_not_fit_its_image_is_refused(
    tmp_path: Path, damage: Callable[[Path, Path], None], message: str
) -> None:
    image, blocks = tmp_path / "card.img", tmp_path / "card.img.bmap"
    image.write_bytes(card_image(b"", MEBIBYTE))
    write_map(blocks, image.read_bytes(), [(0, 9)])
    damage(image, blocks)
    with pytest.raises(UsageError, match=message):
        PayloadFile.from_file(image)
