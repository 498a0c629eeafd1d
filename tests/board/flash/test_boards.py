"""The files of the real boards, as they are in boards/, flash simulated media."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hil.board.flash.sdcard import PARTITION_OFFSET
from hil.firmware.platforms import platform_named
from hil.firmware.videocore import FILES as VIDEOCORE
from tests.simulators.bench import Bench
from tests.simulators.board import BANNERS, IMAGE, card_image
from tests.simulators.juno import SimulatedJuno

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.strategy import BoardStrategy

BOARDS = Path(__file__).parents[3] / "boards"


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((BOARDS / f"{name}.yaml").read_text())
    content["imports"] += ["tests.simulators.storage", "tests.simulators.board"]
    return content


def strategy_of(content: dict[str, Any], path: Path) -> BoardStrategy:
    from hil.board.file import labgridenv

    path.write_text(yaml.safe_dump(content))
    strategy: BoardStrategy = labgridenv.target(labgridenv.load(path)).get_strategy()
    return strategy


def replace(content: dict[str, Any], kind: str, old: str, new: dict[str, Any]) -> None:
    """Put a simulated driver or resource where the board file names one of hardware."""
    entries = content["targets"]["main"][kind]
    (at,) = [n for n, entry in enumerate(entries) if old in entry]
    entries[at] = new


def file_on(card: Path, place: str) -> bytes:
    drive = f"{card}@@{PARTITION_OFFSET}"
    return subprocess.run(["mtype", "-i", drive, f"::{place}"], capture_output=True, check=True).stdout


def simulated(name: str, bench: Bench, tmp_path: Path) -> BoardStrategy:
    """A Raspberry Pi 4 of boards/, with images and a bench that are simulated."""
    content = read(name)
    for image, place in content["images"].items():
        content["images"][image] = str(BOARDS / place)
        if "build" in Path(place).parts:
            (tmp_path / image).write_bytes(card_image(IMAGE, 50_000))
            content["images"][image] = str(tmp_path / image)
    content["images"] |= {"card": str(tmp_path / "made.img"), "config": str(tmp_path / "config.txt")}
    content["options"].pop("linux_board", "")  # not beside this one
    content["tools"] = {"usbsdmux": str(tmp_path / "usbsdmux")}
    replace(
        content,
        "resources",
        "USBSDMuxDevice",
        {"SimulatedSDMux": {"directory": str(bench.card.parent), "match": {"ID_SERIAL_SHORT": "1205"}}},
    )
    port = next(entry["USBSerialPort"] for entry in content["targets"]["main"]["resources"] if "USBSerialPort" in entry)
    line = {"RawSerialPort": {"name": port["name"], "port": str(bench.wire.link)}}
    replace(content, "resources", "USBSerialPort", line)
    replace(content, "resources", "NetworkPowerPort", {"NetworkPowerPort": {"model": "x", "host": "x", "index": 0}})
    for entry in content["targets"]["main"]["resources"]:
        if "NetworkService" in entry:
            entry["NetworkService"]["address"] = "nowhere"
    replace(content, "drivers", "NetworkPowerDriver", {"SimulatedPower": {"outlet": "bench"}})
    videocore = tmp_path / "videocore"
    videocore.mkdir(exist_ok=True)
    for file in VIDEOCORE:
        (videocore / file).write_bytes(b"\x7fELF" + file.encode())
    for driver in content["targets"]["main"]["drivers"]:
        driver.get("BootPartitionDriver", {})["videocore"] = str(videocore)
        driver.get("BootPartitionDriver", {})["size"] = 64
        driver.get("CardFlasher", {})["smallest"] = 0
        driver.get("ParamikoDriver", {}).pop("host_key", None)  # of a build
    return strategy_of(content, tmp_path / f"{name}.yaml")


@pytest.fixture
def rpi4(tmp_path: Path) -> Iterator[tuple[Bench, BoardStrategy]]:
    """The Raspberry Pi 4 with the monitor."""
    bench = Bench.build(tmp_path)
    bench.card.write_bytes(b"\xff" * (80 << 20))
    strategy = simulated("rpi4", bench, tmp_path)
    yield bench, strategy
    strategy.target.env.cleanup()
    bench.close()


def test_a_raspberry_pi_boots_from_the_partition_that_its_board_file_describes(
    rpi4: tuple[Bench, BoardStrategy], tmp_path: Path
) -> None:
    bench, strategy = rpi4
    inserted = bench.board.card

    def armstub() -> bytes | None:
        """Do what the VideoCore does: look up the armstub in config.txt."""
        if inserted() is None:
            return None
        config = dict(line.split("=", 1) for line in file_on(bench.card, "config.txt").decode().split() if "=" in line)
        return file_on(bench.card, config["armstub"])

    bench.board.card = armstub
    strategy.transition("monitor")
    assert file_on(bench.card, "engine") == (tmp_path / "engine").read_bytes()
    assert file_on(bench.card, "start4.elf") == b"\x7fELFstart4.elf"
    assert file_on(bench.card, "monitor.dtb").startswith(b"\xd0\x0d\xfe\xed")


def test_the_engine_is_loaded_where_bl31_looks_for_it() -> None:
    (partition,) = [one for one in read("rpi4")["targets"]["main"]["drivers"] if "BootPartitionDriver" in one]
    described = partition["BootPartitionDriver"]
    assert described["initramfs"][0] == "engine"
    assert described["initramfs_address"] == platform_named("rpi4").address("VTPM_ENGINE_PA")


def test_a_raspberry_pi_has_the_card_of_the_monitor_or_the_one_of_linux(
    rpi4: tuple[Bench, BoardStrategy], tmp_path: Path
) -> None:
    bench, monitor = rpi4
    linux = simulated("rpi4-linux", bench, tmp_path)
    try:
        assert monitor.flash().written
        assert not monitor.flash().written
        assert linux.flash().written
        assert file_on(bench.card, "cmdline.txt").startswith(b"console=ttyAMA0")
        assert b"\ncmdline=cmdline.txt\n" in file_on(bench.card, "config.txt")
        assert file_on(bench.card, "initrd") == (tmp_path / "initrd").read_bytes()
        assert monitor.flash().written, "what is on the card is Linux"
    finally:
        linux.target.env.cleanup()


def test_a_raspberry_pi_says_what_it_would_flash(rpi4: tuple[Bench, BoardStrategy]) -> None:
    plan = rpi4[1].board.flash_plan()
    assert plan.contents is not None
    assert {"config.txt", "armstub", "kernel", "engine", "monitor.dtb", "overlays/disable-bt.dtbo", *VIDEOCORE} == {
        file.destination for file in plan.contents.files
    }


def test_a_juno_boots_from_the_files_that_its_board_file_names(tmp_path: Path) -> None:
    juno = SimulatedJuno(tmp_path)
    content = read("juno")
    content["images"] = {name: str(juno.image(name)) for name in content["images"]}
    ports = {"controller": juno.prompt.link, "monitor": juno.wire.link}
    resources = [{"RawSerialPort": {"name": name, "port": str(link)}} for name, link in ports.items()]
    content["targets"]["main"]["resources"] = [*resources, {"CardReader": {"path": str(juno.usb)}}]
    drivers = content["targets"]["main"]["drivers"]
    drivers.remove({"UartDriver": {"name": "firmware"}})
    for driver in drivers:  # one wire of the simulated board carries what a Juno says on two
        driver.get("SerialBoardDriver", {})["uarts"] = ["monitor"]
        plan = driver.get("BoardStrategy", {})
        for line in [*plan.get("panics", []), *(b for s in plan.get("states", {}).values() for b in s["banners"])]:
            line["uart"] = "monitor"
    juno.board.banners = (b"NOTICE:  BL1: v2\r\n", b"NOTICE:  BL2: v2\r\n", *BANNERS)
    strategy = strategy_of(content, tmp_path / "juno.yaml")
    try:
        strategy.transition("monitor")
        assert juno.on_disk("SOFTWARE/fip.bin") == juno.image("fip").read_bytes()
        assert juno.typed[-1] == "reboot"
    finally:
        strategy.target.env.cleanup()
        juno.close()
