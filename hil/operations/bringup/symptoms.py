"""What boot ROMs, loaders and TF-A say when a boot goes wrong, and what it means.

The messages are those of the programs' sources and of public reports; `tests/operations/bringup/boots/` has a boot for
most of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.operations.bringup.stages import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Symptom:
    """A line that tells why a boot goes no further."""

    pattern: re.Pattern[str]
    why: str
    attempt: str
    last: bool = False
    """Only the last line of its console counts: what comes after it, did come."""


def _symptom(pattern: str, why: str, attempt: str, *, last: bool = False) -> Symptom:
    return Symptom(re.compile(pattern), why, attempt, last)


SYMPTOMS = (
    # The Raspberry Pi 4: the bootloader in its EEPROM, then start4.elf on the VideoCore.
    _symptom(
        r"\.elf: is not compatible|This board requires newer software",
        "the VideoCore's firmware on the card is older than this board",
        "a newer start4.elf and fixup4.dat: `videocore: DIRECTORY` of the BootPartitionDriver, then hil flash",
    ),
    _symptom(
        r"Failed to open device: 'sdcard'",
        "the bootloader in the EEPROM finds no SD card",
        "see whether the SD mux gives the card to the board; clean its contacts; try another card",
    ),
    _symptom(
        r"FAT read failed",
        "the bootloader in the EEPROM cannot read the SD card any more",
        "switch the power off instead of resetting the board; try another card, of another make",
    ),
    _symptom(
        r"\bstart4\.elf not found|Firmware not found",
        "there is no start4.elf on the first FAT partition of the card",
        "hil flash --force; `videocore` of the BootPartitionDriver",
    ),
    # Arm's boards: the SCP starts first, and has a part in loading its own firmware.
    _symptom(
        r"incompatible version of the SCP firmware|(SCP_BL2|BL3-0) transfer failure|Failed to load (SCP_BL2|BL3-0)",
        "the SCP firmware is of another version than this TF-A works with",
        "scp_bl1.bin on the controller's disk and `images: scp:`, both of SCP firmware 2.x; docs/boards/juno.md",
    ),
    # Memory.
    _symptom(
        r"DRAM setup is currently not supported|Failed to DRAM initialize|DRAM initialization Failed|DDR init failed",
        "the loader does not get the board's DRAM to work",
        "a loader made for this board and its memory chips; reseat or exchange its modules",
    ),
    # Loaders that do not find or do not accept what comes next.
    _symptom(
        r"(?i)could not find the fip|error initializing fip|partition \S+ not found|invalid fip toc",
        "the loader finds no image package on the medium: another partition, name or offset",
        "the names and offsets of the partitions against those in the loader; hil flash --force",
    ),
    _symptom(
        r"CheckImage Fail|Bad hash|Failed to authenticate|hash mismatch|sha256 error|Bad Data Hash",
        "the loader refuses an image: it is damaged, or not the signed one",
        "hil flash --force; sign it with the key that the board has",
    ),
    _symptom(
        r"failed to boot from all boot devices",
        "the loader has tried every medium and found nothing to start",
        "the boot switches; whether the image for this stage is on the medium that they choose",
    ),
    _symptom(
        r"Failed to load (image|BL\d)",
        "the loader cannot load the next image",
        "the loader's lines before that; hil flash --force",
    ),
    # What runs and falls.
    _symptom(
        r'"Synchronous Abort" handler|"Error" handler, esr',
        "the normal world's loader crashed with an abort",
        "DRAM settings and power first, if it crashes at another place each time; else its own map file",
    ),
    _symptom(
        r"INFO: +BL3-?1: Initializing BL3-?2$",
        "BL31 has entered its secure payload, which does not come back",
        "a payload (BL32) in the form that BL31 expects, of the address that it was linked for, with its own UART",
        last=True,
    ),
    _symptom(
        r"Error initializing runtime service (\S+)",
        "a runtime service of BL31 does not start",
        "the payload that it needs (BL32), which the stage before has not handed over",
    ),
)

PROGRESS = (
    _symptom(
        r"^Starting start4\.elf|\bStarting start4\.elf @",
        "the VideoCore's firmware has started, and BL31 does not say a word",
        "config.txt on the card: armstub, enable_uart=1, uart_2ndstage=1; another version of start4.elf",
    ),
    _symptom(
        r"RPi: BOOTLOADER|Boot mode: |BOOTMODE: ",
        "the bootloader in the EEPROM runs, and starts nothing from the card",
        "hil flash --force; BOOT_ORDER in the EEPROM; HDMI shows what it misses",
    ),
    _symptom(
        r"^U-Boot SPL ",
        "the loader runs, and does not get to BL31",
        "whether the image has a BL31 of this platform: loaders start without one, too; its load address",
    ),
)
"""How far a boot came that had no banner yet, the furthest first."""


def known_symptoms(consoles: Sequence[Sequence[str]]) -> Iterator[Cause]:
    """Yield what the lines of each console tell, in the order of `SYMPTOMS`."""
    yield from _matches(SYMPTOMS, consoles)


def progress_before_banners(consoles: Sequence[Sequence[str]]) -> Iterator[Cause]:
    """Yield how far a boot came that had no banner yet."""
    for cause in _matches(PROGRESS, consoles):
        yield cause
        return


def _matches(symptoms: Sequence[Symptom], consoles: Sequence[Sequence[str]]) -> Iterator[Cause]:
    for symptom in symptoms:
        for lines in consoles:
            looked_at = lines[-1:] if symptom.last else lines
            said = next((line for line in looked_at if symptom.pattern.search(line)), None)
            if said is not None:
                yield Cause(f"{symptom.why}: {said.strip()!r}", symptom.attempt)
                break
