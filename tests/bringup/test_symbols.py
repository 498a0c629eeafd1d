from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.bringup.symbols import decode

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
int answer(void) { return 42; }
void _start(void) { answer(); }
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An ELF file with two functions at known places."""
    source, image = tmp_path / "crash.c", tmp_path / "crash.elf"
    source.write_text(CODE)
    options = ["-g", "-O0", "-nostdlib", "-static", "-ffreestanding", "-Wl,-Ttext=0xe0a0000"]
    subprocess.run(["aarch64-linux-gnu-gcc", *options, "-o", image, source], check=True)
    return image


def test_the_registers_of_a_crash_lead_to_the_code(image: Path) -> None:
    dump = [
        "PANIC in EL3.",
        "x30            = 0x000000000e0a0000",
        "x1 = 0x000000000e0a0004",
        "elr_el3 = 0x000000000e0a0000",
    ]
    found = decode(dump, [image])
    assert [re.sub(r" at .*/", " at ", line) for line in found] == [
        "x30 is in answer at crash.c:2 (crash.elf)",
        "elr_el3 is in answer at crash.c:2 (crash.elf)",
    ]


def test_addresses_of_no_image_explain_nothing(image: Path) -> None:
    assert decode(["elr_el3 = 0x0000000040000000", "lr = 0x0"], [image]) == ()


def test_an_image_that_is_not_there_explains_nothing(tmp_path: Path) -> None:
    assert decode(["elr_el3 = 0x000000000e0a0000"], [tmp_path / "none.elf"]) == ()
