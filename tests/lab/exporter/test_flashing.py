"""Media behind an exporter are flashed over its SSH: an SD mux, a USB card reader, the directories of servers.

The USB devices are umockdev's, so that labgrid's exporter finds them by udev as it does on a bench. Their block devices
are loop devices of the kernel. `usbsdmux` alone is ours: it plugs and unplugs the loop device.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.flash.sdcard import mtools
from tests.lab.exporter.reallab import LOOPBACK, PLACE, ROOT, TIMEOUT_SECONDS, RealLab
from tests.lab.exporter.sshserver import RealSshServer
from tests.simulators.board import IMAGE, card_image
from tests.simulators.juno import SimulatedJuno

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CARD_BYTES = 8 << 20
MUX, READER = "000000001205", "000000000042"
FLASH = """
import asyncio, json, os, sys
from pathlib import Path
from hil.board.file import labgridenv
from hil.errors import HilError
from hil.lab.address import LabAddress
from hil.lab.coordinator import connected
from hil.lab.places import connect_places

async def acquire():
    owner = f"{os.environ['LG_HOSTNAME']}/{os.environ['LG_USERNAME']}"
    async with connected(LabAddress.from_environment(), owner) as client:
        await client.acquire(os.environ["LG_PLACE"])

async def release():
    async with connected(LabAddress.from_environment(), "x/y") as client:
        await client.release(os.environ["LG_PLACE"], f"{os.environ['LG_HOSTNAME']}/{os.environ['LG_USERNAME']}")

asyncio.run(acquire())
try:
    environment = labgridenv.load(Path(sys.argv[1]))
    connect_places(environment)
    target = labgridenv.target(environment)
    for name in sys.argv[2:]:
        driver = target.get_driver("FlasherProtocol", name=name)
        result = driver.flash()
        print(json.dumps([result.medium, result.written, driver.plan().found]))
except HilError as error:
    print(json.dumps([type(error).__name__, error.message]))
finally:
    asyncio.run(release())
"""


@dataclass
class Media:
    """What is plugged in at the exporter's machine."""

    card: Path
    mode: Path
    usbsdmux: Path
    served: Path
    reader: str
    reader_content: Path
    devices: Path

    @classmethod
    def plugged_in(cls, directory: Path, mux_disk: str, reader_disk: str) -> Media:
        card, mode, served, reader = (directory / name for name in ("card", "mode", "served", "reader"))
        for file in (card, reader):
            file.write_bytes(IMAGE.ljust(CARD_BYTES, b"\xff"))  # so that the keeper's check sees the board boot
        mode.write_text("dut")
        served.mkdir()
        subprocess.run(["losetup", reader_disk, reader], check=True)
        usbsdmux = directory / "usbsdmux"
        usbsdmux.write_text(
            textwrap.dedent(f"""\
                #!/bin/sh
                test "$1" = /dev/sg7 || exit 3
                # A device that somebody looks at is detached only once it is closed.
                while losetup {mux_disk} >/dev/null 2>&1; do losetup --detach {mux_disk} 2>/dev/null; sleep 0.02; done
                test "$2" = host && losetup {mux_disk} {card}
                echo "$2" > {mode}
                """)
        )
        usbsdmux.chmod(0o755)
        devices = directory / "usb.umockdev"
        devices.write_text(usb(1, MUX, mux_disk, "4041") + scsi_generic(1) + usb(2, READER, reader_disk, "4060"))
        return cls(card, mode, usbsdmux, served, reader_disk, reader, devices)


def usb(number: int, serial: str, node: str, model: str) -> str:
    """Describe a USB device with a disk, as umockdev takes it."""
    properties = f"E: ID_SERIAL_SHORT={serial}\nE: ID_VENDOR_ID=0424\nE: ID_MODEL_ID={model}\n"
    return (
        f"P: /devices/usb1/1-{number}\nN: bus/usb/001/00{number}\n"
        f"E: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nE: DEVNAME=/dev/bus/usb/001/00{number}\n"
        f"E: BUSNUM=001\nE: DEVNUM=00{number}\n{properties}"
        f"A: busnum=1\\n\nA: devnum={number}\\n\nA: idVendor=0424\\n\nA: idProduct={model}\\n\n\n"
        f"P: /devices/usb1/1-{number}/block/sd{number}\n"
        f"E: SUBSYSTEM=block\nE: DEVTYPE=disk\nE: DEVNAME={node}\n{properties}\n"
    )


def scsi_generic(number: int) -> str:
    """Describe the control device of a mux."""
    return f"P: /devices/usb1/1-{number}/scsi_generic/sg7\nE: SUBSYSTEM=scsi_generic\nE: DEVNAME=/dev/sg7\n\n"


@pytest.fixture(scope="module")
def loops(loop_devices: None) -> Iterator[list[str]]:  # noqa: ARG001 - held, not used
    """Two loop devices of the kernel that nobody uses."""
    if shutil.which("umockdev-run") is None or os.geteuid() != 0:
        pytest.skip("takes umockdev, and root for loop devices")
    used = subprocess.run(["losetup", "--noheadings", "--output", "NAME"], capture_output=True, text=True, check=False)
    free = [f"/dev/loop{n}" for n in range(7, -1, -1)]
    free = [node for node in free if os.path.exists(node) and node not in used.stdout.split()][:2]  # noqa: PTH110
    if used.returncode or len(free) < 2:
        pytest.skip(f"no free loop devices {used.stderr}")
    yield free
    for node in free:
        subprocess.run(["losetup", "--detach", node], capture_output=True, check=False)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory, loops: list[str]) -> Media:
    return Media.plugged_in(tmp_path_factory.mktemp("media"), *loops)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, media: Media) -> Iterator[RealLab]:
    directory = tmp_path_factory.mktemp("lab")
    # Not the exporter of the serial port: its ser2net would see umockdev's /dev, which has no terminals.
    mocked = ("umockdev-run", "--device", str(media.devices), "--")
    provider = {"internal": str(media.served), "external": "boot"}
    exports = {
        PLACE: {"USBSDMuxDevice": {"match": {"ID_SERIAL_SHORT": MUX}}},
        "disks": {"USBMassStorage": {"match": {"ID_SERIAL_SHORT": READER}}, "TFTPProvider": provider},
        "web": {"HTTPProvider": provider},
    }
    with (
        RealSshServer.up(directory / "ssh", LOOPBACK) as server,
        RealLab.up(directory, settings=server.environment) as lab,
    ):
        lab.bench.board.card = lambda: media.card.read_bytes() if media.mode.read_text().strip() == "dut" else None
        lab.export(exports, name="media", under=mocked)
        yield lab


def flash(lab: RealLab, file: Path, place: str, *drivers: str) -> list[list[Any]]:
    """Flash from a place that has no board, by a process as `hil flash` is one."""
    variables = {"LG_PLACE": place, "LG_HOSTNAME": "desk", "LG_USERNAME": "hil-tests"}
    done = subprocess.run(
        [sys.executable, "-c", FLASH, file, *drivers],
        cwd=ROOT,
        env={**lab.environment, **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def board_file(lab: RealLab, image: Path, *drivers: dict[str, Any], resources: Sequence[dict[str, Any]] = ()) -> Path:
    file = lab.directory / "media.yaml"
    places = [{"RemotePlace": {"name": "!PLACE!"}}, *resources]
    content = {
        "imports": ["hil.drivers"],
        "images": {"card": str(image)},
        "targets": {"main": {"resources": places, "drivers": list(drivers)}},
    }
    file.write_text(json.dumps(content).replace('"!PLACE!"', "!template $LG_PLACE"))
    return file


@pytest.fixture
def image(tmp_path: Path) -> Path:
    image = tmp_path / "card.img"
    image.write_bytes(card_image(IMAGE, (3 << 20) + 100))
    return image


def test_a_run_flashes_a_card_in_an_sd_mux_of_the_exporter_and_boots_from_it(
    lab: RealLab, media: Media, image: Path
) -> None:
    lab.write_tree(
        [{"USBSDMuxDriver": {}}, {"CardFlasher": {"image": "card", "largest": 1}}],
        images={"card": str(image)},
        tools={"usbsdmux": str(media.usbsdmux)},
    )
    lab.await_good()
    done = lab.hil("run", "--pool", f"board=bench name={PLACE}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert media.card.read_bytes()[: image.stat().st_size] == image.read_bytes()
    assert media.mode.read_text().strip() == "dut"


def test_a_card_reader_of_the_exporter_is_flashed_and_read_back(lab: RealLab, media: Media, image: Path) -> None:
    file = board_file(lab, image, {"CardFlasher": {"name": "card", "image": "card", "largest": 1}})
    lab.await_good("disks")
    ((medium, written, found),) = flash(lab, file, "disks", "card")
    assert (medium, written) == (f"NetworkUSBMassStorage of {LOOPBACK}, {media.reader}", True)
    assert "8.39 MB" in found
    assert media.reader_content.read_bytes()[: image.stat().st_size] == image.read_bytes()


@pytest.mark.parametrize(("place", "kind"), [("disks", "TFTP"), ("web", "HTTP")])
def test_files_go_to_the_directory_of_a_server_at_the_exporter(
    lab: RealLab, media: Media, image: Path, place: str, kind: str
) -> None:
    name = f"boot's {kind} file"
    flasher = {"name": "files", "files": {name: "card"}, "folder": "a b/c"}
    file = board_file(lab, image, {"TFTPFlasher": flasher})
    lab.await_good(place)
    (media.served / "a b" / "c").mkdir(parents=True, exist_ok=True)
    ((medium, written, found),) = flash(lab, file, place, "files")
    assert (medium, written, found) == (f"{kind} directory {media.served}/a b/c of {LOOPBACK}", True, "there")
    copy = media.served / "a b" / "c" / name
    assert copy.read_bytes() == image.read_bytes()
    assert copy.stat().st_mode & 0o444 == 0o444  # a server that is another user can read it


def test_a_directory_that_is_not_there_is_missing_before_anything_is_copied(
    lab: RealLab, media: Media, image: Path
) -> None:
    file = board_file(lab, image, {"TFTPFlasher": {"name": "files", "files": {"x": "card"}, "folder": "nowhere"}})
    lab.await_good("web")
    (said,) = flash(lab, file, "web", "files")
    assert said == ["MediumMissing", f"there is no {media.served}/nowhere on its machine"]


FAT_AT = 1 << 20
"""Where the partition of a board controller's disk begins."""


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[SimulatedJuno]:
    juno = SimulatedJuno(tmp_path)
    yield juno
    juno.close()


def disk_of_a_controller(media: Media, old: Path) -> None:
    """Give the card reader a partition table, and a FAT partition with an old image and another file."""
    table = struct.pack("<446x4xB3xII48x2s", 0x0E, FAT_AT // 512, (CARD_BYTES - FAT_AT) // 512, b"\x55\xaa")
    media.reader_content.write_bytes(table.ljust(CARD_BYTES, b"\0"))
    drive = f"{media.reader_content}@@{FAT_AT}"
    mtools("mformat", "-i", drive, "-T", str((CARD_BYTES - FAT_AT) // 512), "::")
    mtools("mmd", "-i", drive, "::SOFTWARE")
    for name in ("SOFTWARE/bl1.bin", "config.txt"):
        mtools("mcopy", "-i", drive, str(old), f"::{name}")
    # The loop device has its own page cache.
    subprocess.run(["blockdev", "--flushbufs", media.reader], check=True)


def on_the_disk(media: Media, name: str) -> bytes:
    return mtools("mcopy", "-n", "-i", f"{media.reader_content}@@{FAT_AT}", f"::{name}", "-")


def test_the_disk_of_a_junos_controller_at_the_exporter_is_written_there_and_read_back(
    lab: RealLab, media: Media, image: Path, controller: SimulatedJuno, tmp_path: Path
) -> None:
    old = tmp_path / "old.bin"
    old.write_bytes(b"old")
    disk_of_a_controller(media, old)
    file = board_file(
        lab,
        image,
        {"JunoControllerDriver": {"bindings": {"port": "controller"}}},
        {"JunoFlasher": {"name": "files", "files": {"SOFTWARE/bl1.bin": "card", "NEW/it's.bin": "card"}}},
        resources=[{"RawSerialPort": {"name": "controller", "port": str(controller.prompt.link)}}],
    )
    lab.await_good("disks")
    ((medium, written, _),) = flash(lab, file, "disks", "files")
    assert (medium, written) == (f"NetworkUSBMassStorage of {LOOPBACK}, {media.reader}", True)
    for name in ("SOFTWARE/bl1.bin", "NEW/it's.bin"):
        assert on_the_disk(media, name) == image.read_bytes()
    assert on_the_disk(media, "config.txt") == b"old"
    assert controller.typed[-2:] == ["usb_on", "usb_off"]


@pytest.mark.parametrize(("partition", "message"), [(2, "has no FAT partition 2"), (1, "Disk full")])
def test_what_goes_wrong_on_the_disk_at_the_exporter_is_said(
    lab: RealLab, media: Media, controller: SimulatedJuno, tmp_path: Path, partition: int, message: str
) -> None:
    image = tmp_path / "half.bin"
    image.write_bytes(os.urandom(CARD_BYTES // 2 - 1000))
    disk_of_a_controller(media, controller.image("bl1"))
    file = board_file(
        lab,
        image,
        {"JunoControllerDriver": {"bindings": {"port": "controller"}}},
        {"JunoFlasher": {"name": "files", "files": {"A": "card", "B": "card"}, "partition": partition}},
        resources=[{"RawSerialPort": {"name": "controller", "port": str(controller.prompt.link)}}],
    )
    lab.await_good("disks")
    (said,) = flash(lab, file, "disks", "files")
    assert message in said[1]
