"""The emulated machine that Linux images are made for, as its board file describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from hil.errors import BoardFileError

if TYPE_CHECKING:
    from pathlib import Path

DRIVER = "HilQEMUDriver"


@dataclass(frozen=True, slots=True)
class Machine:
    """Everything of a board that its device tree depends on, and where the kernel is loaded.

    `model` is the value of QEMU's `-M`, `arguments` are the others that shape the machine, addresses are physical.
    """

    program: str
    model: str
    arguments: tuple[str, ...]
    kernel_address: int
    initrd_address: int
    bootargs: str

    @classmethod
    def of(cls, board_file: Path) -> Machine:
        """Read a board file. Raises `BoardFileError` when it lacks something that the images depend on."""
        try:
            board = yaml.safe_load(board_file.read_text(encoding="utf-8"))
            drivers = board["targets"]["main"]["drivers"]
            driver = next(entry[DRIVER] for entry in drivers if DRIVER in entry)
            options = {"-cpu": "cpu", "-smp": "smp", "-m": "memory"}
            return cls(
                program=board["tools"][driver["qemu_bin"]],
                model=driver["machine"],
                arguments=(
                    *(word for option, key in options.items() for word in (option, str(driver[key]))),
                    *map(str, driver["args"]),
                ),
                kernel_address=int(driver["loads"]["kernel"]),
                initrd_address=int(driver["loads"]["initrd"]),
                bootargs=str(board["options"]["bootargs"]),
            )
        except OSError as error:
            raise BoardFileError(f"cannot read {board_file}: {error.strerror}") from None
        except (yaml.YAMLError, KeyError, TypeError, ValueError, StopIteration) as error:
            raise BoardFileError(
                f"{board_file} does not describe a machine for Linux: {error!r}", doing="building the Linux images"
            ) from None
