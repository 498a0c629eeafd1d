"""Only the disk that the board file names is written to, and never one that this machine uses."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.flash import FlashMemory, MediumInUse, Payload, WrongMedium, flash, silent
from hil.board.flash.card import Card
from hil.board.flash.disk import DiskFacts, Expected, examine, parse, refuse
from hil.board.flash.folder import FatPartition
from hil.board.flash.sdcard import write_card
from hil.errors import FlashError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GIGABYTE = 10**9


def disk(*children: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What lsblk says about a USB stick, with changes."""
    facts = {
        "path": "/dev/sdx",
        "type": "disk",
        "size": 32 * GIGABYTE,
        "serial": "000000001205",
        "model": "Mass-Storage",
        "tran": "usb",
        "fstype": None,
        "mountpoints": [None],
    }
    return {"blockdevices": [{**facts, **changes, "children": list(children)}]}


def part(path: str = "/dev/sdx1", **changes: Any) -> dict[str, Any]:
    return {**disk(path=path, type="part", serial=None, model=None)["blockdevices"][0], **changes}


def test_a_free_disk_with_an_old_boot_partition_is_taken() -> None:
    facts = parse(disk(part(fstype="vfat")))
    refuse(facts, Expected("000000001205", 1 * GIGABYTE, 64 * GIGABYTE), 64 << 20)
    assert str(facts) == "/dev/sdx (Mass-Storage, 32 GB, serial number 000000001205)"


@pytest.mark.parametrize(
    ("document", "use"),
    [
        (disk(mountpoints=["/"]), "/dev/sdx is mounted at /"),
        (disk(part(mountpoints=[None, "/home", "/srv"])), "/dev/sdx1 is mounted at /srv"),
        (disk(part(mountpoints=["[SWAP]"], fstype="swap")), "/dev/sdx1 is swap"),
        (disk(part(fstype="swap")), "/dev/sdx1 holds swap"),
        (disk(part(fstype="LVM2_member")), "/dev/sdx1 holds LVM2_member"),
        (disk(fstype="linux_raid_member"), "/dev/sdx holds linux_raid_member"),
        (disk(part(fstype="crypto_LUKS")), "/dev/sdx1 holds crypto_LUKS"),
        (
            disk(part(children=[part("/dev/mapper/vg-root", type="lvm", mountpoints=["/"])])),
            "/dev/mapper/vg-root is mounted at /",
        ),
        (disk(part(children=[part("/dev/md0", type="raid1")])), "/dev/md0 is a raid1 on it"),
    ],
)
def test_a_disk_that_this_machine_uses_is_refused_with_its_use(document: dict[str, Any], use: str) -> None:
    with pytest.raises(MediumInUse) as caught:
        refuse(parse(document), Expected(), 0)
    assert use in caught.value.message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (disk(type="part"), "is a part, not a whole disk"),
        (disk(type="rom"), "is a rom, not a whole disk"),
        (disk(serial="000000000007"), "serial number 000000000007) is not the disk with serial number 000000001205"),
        (disk(serial=None), "is not the disk with serial number 000000001205"),
        (disk(size=500 * GIGABYTE), "is not of the size that the board file names: 1 GB to 64 GB"),
    ],
)
def test_another_disk_is_refused_with_what_was_found(document: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongMedium) as caught:
        refuse(parse(document), Expected("000000001205", 1 * GIGABYTE, 64 * GIGABYTE), 0)
    assert message in caught.value.message


def test_the_disk_that_this_machine_runs_from_is_refused() -> None:
    said = subprocess.run(
        ["findmnt", "--noheadings", "--output", "SOURCE", "--target", "/"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(said).is_block_device():
        pytest.skip(f"/ is on {said}, which is no disk")
    whole = subprocess.run(["lsblk", "-no", "PKNAME", said], capture_output=True, text=True, check=True).stdout.split()
    with pytest.raises(MediumInUse, match="is mounted at"):
        refuse(examine(f"/dev/{whole[0]}" if whole else said), Expected(), 0)


@pytest.mark.parametrize("path", ["/dev/null", "/dev", "/"])
def test_what_is_no_disk_is_refused(path: str) -> None:
    with pytest.raises(WrongMedium, match="is no disk"):
        examine(path)


def test_a_plain_file_stands_for_a_disk_of_its_size(card_file: Path) -> None:
    assert examine(str(card_file)) == DiskFacts(str(card_file), "file", 8 << 20)


@pytest.fixture
def loop_of(loop_devices: None) -> Iterator[Callable[[Path], str]]:  # noqa: ARG001 - held, not used
    """Make a file a block device of the kernel, where we may."""
    made: list[str] = []

    def make(file: Path) -> str:
        done = subprocess.run(["losetup", "--find", "--show", file], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no loop device: {done.stderr.strip()}")
        made.append(done.stdout.strip())
        return made[-1]

    yield make
    for path in made:
        subprocess.run(["losetup", "--detach", path], check=True)


@pytest.fixture
def loop(loop_of: Callable[[Path], str], card_file: Path) -> str:
    return loop_of(card_file)


def test_a_block_device_is_written_past_the_page_cache_and_read_back(
    loop: str, image: Path, card_file: Path, memory: FlashMemory
) -> None:
    assert flash(Payload.from_files([(image, "/")]), Card("a loop device", lambda: loop), memory).written
    assert card_file.read_bytes()[: image.stat().st_size] == image.read_bytes()


def test_a_block_device_that_somebody_else_has_claimed_is_refused_by_the_kernel(
    loop: str, image: Path, memory: FlashMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = json.loads(json.dumps(disk(path=loop, type="loop", size=8 << 20)))
    monkeypatch.setattr(
        "hil.board.flash.disk._lsblk", lambda _path: unused
    )  # what lsblk sees in another mount namespace
    holder = os.open(loop, os.O_RDWR | os.O_EXCL)
    try:
        with pytest.raises(MediumInUse, match=f"{loop} is in use"):
            flash(Payload.from_files([(image, "/")]), Card("a loop device", lambda: loop), memory)
    finally:
        os.close(holder)
    assert memory.read() is None


def test_files_are_read_back_from_the_medium_and_not_from_the_page_cache(
    loop_of: Callable[[Path], str], image: Path, tmp_path: Path
) -> None:
    backing = tmp_path / "backing"
    write_card(backing, {"old": image}, 40 << 20)
    path = loop_of(backing)
    payload = Payload.from_files([(image, "SOFTWARE/fip.bin")])
    medium = FatPartition("a loop device", lambda: path, 1)
    probing = os.open(path, os.O_RDONLY)  # as udev may: else the kernel drops its cache at the last close
    medium.write(payload, silent)
    medium.verify(payload, silent)
    medium.write(payload, silent)
    content = backing.read_bytes()
    at = content.rindex(image.read_bytes()[:4096])
    with backing.open("r+b") as file:
        file.seek(at)
        file.write(bytes([content[at] ^ 1]))
    try:
        with pytest.raises(FlashError, match=r"SOFTWARE/fip\.bin reads back as"):
            medium.verify(payload, silent)
    finally:
        os.close(probing)
