"""What stops a boot on particular boards, for each platform and stage: the traps of docs/boards/."""

from __future__ import annotations

from hil.operations.bringup.stages import Cause

_RPI4_SERIAL = (
    Cause(
        "the bootloader in the EEPROM refuses the card, and says so on HDMI and with the green LED only",
        "count the flashes: docs/boards/rpi4.md; BOOT_UART=1 in the EEPROM makes it say so here",
    ),
    Cause(
        "the card is still with the test machine, or not all the way in",
        "usbsdmux DEVICE get; it must be `dut` while the board runs",
    ),
    Cause(
        "the adapter feeds the board through its pins, which keeps it from starting",
        "connect GND, TXD and RXD only, at 3.3 V; unplug the adapter while the power is off",
    ),
)
_RPI4_BL31 = (
    Cause(
        "start4.elf does not fit the board: it is older than the board, or one of July to October 2020",
        "`videocore: DIRECTORY` with another version",
    ),
    Cause(
        "config.txt on the card is another one: without enable_uart=1 no UART is on GPIO 14 and 15",
        "hil flash --force; see which card is in the board",
    ),
)
_RPI4_SERVICE = (
    Cause(
        "the device tree is not where BL31 can use it: `vTPM: device tree at ...` says why",
        "device_tree_address in `options` of the BootPartitionDriver; docs/boards/rpi4.md",
    ),
)
_RPI4_LINUX = (
    Cause(
        "the mini-UART has the pins: the overlay disable-bt was not applied",
        "overlays/disable-bt.dtbo on the card; `dterror` in the VideoCore's lines",
    ),
)
_JUNO_SERIAL = (
    Cause(
        "the SCP does not release the processors: scp_bl1.bin on the controller's disk is for another TF-A",
        "scp_bl1.bin and `images: scp:` of the same SCP firmware, 2.x: docs/boards/juno.md",
    ),
    Cause(
        "the board controller waits at its prompt, or has stopped at a file that it cannot read",
        "hil console BOARD controller: `reboot`, and read what it says",
    ),
    Cause(
        "the cables are on the wrong sockets, or are no null-modem cables",
        "BL1 speaks on UART0 of the SoC, 115200 8N1; exchange the two plugs at the back",
    ),
)
_JUNO_BL1 = (
    Cause(
        "the controller programs other files into the flash",
        "SITE1/HBI0262x/images.txt on its disk: NOR entries for SOFTWARE/bl1.bin and SOFTWARE/fip.bin, UPDATE: AUTO",
    ),
)
_JUNO_BL31 = (
    Cause(
        "BL2 waits for the SCP to start the SCP firmware of the FIP",
        "scp_bl1.bin and `images: scp:` of the same SCP firmware, 2.x: docs/boards/juno.md",
    ),
)

TRAPS: dict[str, dict[str, tuple[Cause, ...]]] = {
    "rpi4": {"serial": _RPI4_SERIAL, "BL31": _RPI4_BL31, "service": _RPI4_SERVICE, "linux": _RPI4_LINUX},
    "juno": {"serial": _JUNO_SERIAL, "BL1": _JUNO_BL1, "BL2": _JUNO_BL1, "BL31": _JUNO_BL31},
}
"""Causes by platform and by the stage before which the boot stops, the likeliest first."""


def traps_before(platform: str, stage: str) -> tuple[Cause, ...]:
    """Return the causes that a platform adds to the usual ones of a stage."""
    return TRAPS.get(platform, {}).get(stage, ())
