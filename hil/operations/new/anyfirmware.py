"""Writes the file of a board with any firmware, from what its user says about it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a field

from hil.board.file.keys import MODELINE
from hil.errors import UsageError
from hil.operations.new.names import check_name, write_new


@dataclass(frozen=True, slots=True)
class FirmwareKind:
    """Firmware that boards end in: its name as a state, its driver, its usual banner, and how it gives up."""

    state: str
    driver: str
    stage: str = ""
    line: str = ""
    panics: tuple[str, ...] = ()


KINDS = {
    "uboot": FirmwareKind(
        "uboot",
        "UBootPromptDriver",
        "U-Boot",
        r"^U-Boot 20\d\d\.\d\d",
        ('^"Synchronous Abort" handler', "^### ERROR ### Please RESET the board"),
    ),
    "uefi": FirmwareKind("uefi", "UefiShellDriver", panics=("Synchronous Exception at 0x", "^ASSERT ")),
    "shell": FirmwareKind("shell", "LoginShellDriver", panics=("Kernel panic - not syncing",)),
    "zephyr": FirmwareKind(
        "zephyr", "PromptDriver", "Zephyr", r"\*\*\* Booting Zephyr OS", (">>> ZEPHYR FATAL ERROR",)
    ),
    "other": FirmwareKind("prompt", "PromptDriver"),
}
"""What `hil new board --kind` takes."""
PROMPTS = {"zephyr": "uart:~\\$ "}
"""The prompts of kinds whose drivers have none by default."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a user says about a board: an emulated one has an `image`, a real one a `port`."""

    kind: str
    port: str = ""
    speed: int = 115200
    image: Path | None = None
    prompt: str = ""
    power: str = ""
    """MODEL:HOST:INDEX of a switch that labgrid knows; empty for a switch that a person turns."""


def new_board_of_kind(folder: Path, name: str, answers: Answers) -> Path:
    """Write `folder`/`name`.yaml. Raises `UsageError` for an unusable answer, and when the file is there."""
    check_name("board", name)
    if answers.kind not in KINDS:
        raise UsageError(f"there is no kind of board {answers.kind!r}", hint=" or ".join(KINDS))
    if bool(answers.port) == bool(answers.image):
        raise UsageError(
            "a board has either a serial port or, emulated, an image",
            hint="--port /dev/ttyUSB0, or --image u-boot.bin",
        )
    kind = KINDS[answers.kind]
    prompt = answers.prompt or PROMPTS.get(answers.kind, "")
    if kind.driver == "PromptDriver" and not prompt:
        raise UsageError("the prompt is missing: a regular expression for it", hint="--prompt 'uart:~\\$ '")
    file = folder / f"{name}.yaml"
    head = [
        MODELINE,
        f"# {name}. `hil boards --keys` has all keys, `hil boards --check {name}` what is wrong.",
        "imports:",
        "  - hil.drivers",
        "  - hil.strategies",
        "",
    ]
    machine = _emulated(folder, answers) if answers.image else _real(answers)
    driver = f"{{ prompt: {_quoted(prompt)} }}" if prompt else "{}"
    banners = [
        "              banners: # the lines by which its boot shows; if the first one comes again, it has restarted",
        f"                - {{ stage: {kind.stage}, uart: console, line: {_quoted(kind.line)} }}",
    ]
    tail = [
        "",
        "      - UartDriver: { name: console }",
        "",
        f"      - {kind.driver}: {driver}",
        "",
        "      - BoardStrategy:",
        "          states: # in the order of the boot; more may come before and after this one",
        f"            {kind.state}:",
        "              deadline: 60 # seconds",
        *(banners if kind.line else []),
        f"              driver: {kind.driver}",
        *(_panics(kind) if kind.panics else []),
    ]
    write_new(file, "\n".join([*head, *machine, *tail]) + "\n")
    return file


def _panics(kind: FirmwareKind) -> list[str]:
    return [
        "          panics: # lines after which waiting is pointless: the test fails at once",
        *(f"            - {{ uart: console, line: {_quoted(line)} }}" for line in kind.panics),
    ]


def _emulated(folder: Path, answers: Answers) -> list[str]:
    assert answers.image
    return [
        "tools:",
        "  qemu: qemu-system-aarch64",
        "",
        "images:",
        f"  firmware: {os.path.relpath(answers.image, folder)}",
        "",
        "options:",
        "  kind: emulator",
        f"  description: {answers.kind} on QEMU virt",
        "",
        "targets:",
        "  main:",
        "    features:",
        "      snapshots: RAM",
        "",
        "    drivers:",
        "      - HilQEMUDriver:",
        "          qemu_bin: qemu",
        "          machine: virt",
        "          cpu: cortex-a53",
        "          memory: 512M",
        "          bios: firmware",
        "          args: [-nodefaults]",
        "          uarts: [console]",
    ]


def _real(answers: Answers) -> list[str]:
    resource, driver = "", "      - ManualPowerDriver: { name: power } # a person switches; see labgrid's power drivers"
    if answers.power:
        try:
            model, host, index = answers.power.split(":")
        except ValueError:
            raise UsageError(
                f"--power cannot be {answers.power!r}", hint="MODEL:HOST:INDEX, such as netio_kshell:10.0.0.7:2"
            ) from None
        resource = f"      - NetworkPowerPort: {{ model: {model}, host: {_quoted(host)}, index: {_quoted(index)} }}"
        driver = "      - NetworkPowerDriver: {}"
    return [
        "options:",
        "  kind: board",
        f"  description: {answers.kind}",
        "",
        "targets:",
        "  main:",
        "    resources:",
        f"      - RawSerialPort: {{ name: console, port: {_quoted(answers.port)}, speed: {answers.speed} }}",
        *([resource] if resource else []),
        "",
        "    drivers:",
        driver,
        "      - SerialBoardDriver:",
        "          uarts: [console]",
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
