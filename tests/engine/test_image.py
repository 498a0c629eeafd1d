"""What the linked image promises to the service that maps it."""

from __future__ import annotations

import re
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile

from tests.engine.engine_process import symbols

if TYPE_CHECKING:
    from pathlib import Path

IMAGE_BASE = 0x0E10_0000
IMAGE_LIMIT = 0x0E40_0000
WINDOW = range(0x1000_0000, 0x1010_0000)
PAGE_BYTES = 4096
FIELDS = (
    *("magic", "abi_version", "header_bytes", "text_va", "text_bytes", "rodata_va", "rodata_bytes"),
    *("data_init_va", "data_va", "data_bytes", "guard_va", "stack_top", "mailbox_va", "staging_va", "staging_bytes"),
    *("entry", "calls_va"),
)
HEADER = struct.Struct("<QII14Q")
CALLS = 4
READABLE_AT_EL0 = {"cntpct_el0", "cntvct_el0", "cntfrq_el0"}
PROBE = "_armv8_cpuid_probe"
"""OpenSSL reads MIDR_EL1 in it, and would call it from the `armcap.c` that the engine replaces."""


@pytest.fixture(scope="module")
def header(engine_image: Path) -> dict[str, int]:
    return dict(zip(FIELDS, HEADER.unpack(engine_image.read_bytes()[: HEADER.size]), strict=True))


@pytest.fixture(scope="module")
def elf(engine_image: Path) -> Path:
    return engine_image.with_suffix(".elf")


def test_the_header_describes_the_image(header: dict[str, int], engine_image: Path) -> None:
    assert header["magic"].to_bytes(8, "little") == b"vTPMENG1"
    assert header["header_bytes"] == HEADER.size
    assert header["text_va"] == IMAGE_BASE
    assert header["rodata_va"] == IMAGE_BASE + header["text_bytes"]
    end = header["rodata_va"] + header["rodata_bytes"]
    assert end - PAGE_BYTES < IMAGE_BASE + engine_image.stat().st_size <= end <= IMAGE_LIMIT
    assert header["text_va"] <= header["entry"] < header["rodata_va"]
    assert header["text_va"] <= header["calls_va"] < header["rodata_va"]
    assert header["rodata_va"] <= header["data_init_va"] <= end - header["data_bytes"]


def test_code_constants_and_window_share_no_page(header: dict[str, int]) -> None:
    for field in ("text_va", "text_bytes", "rodata_va", "rodata_bytes", "guard_va", "staging_va", "stack_top"):
        assert header[field] % PAGE_BYTES == 0, field


def test_everything_written_lies_in_the_window(header: dict[str, int], elf: Path) -> None:
    assert header["mailbox_va"] == WINDOW.start
    assert header["stack_top"] == WINDOW.stop
    assert header["staging_va"] + header["staging_bytes"] == header["guard_va"] < header["stack_top"]
    with elf.open("rb") as file:
        sections = [section for section in ELFFile(file).iter_sections() if section["sh_flags"] & 2]
    assert {section.name for section in sections} == {".text", ".rodata", ".mailbox", ".data", ".bss"}
    for section in sections:
        writable = bool(section["sh_flags"] & 1) and section.name != ".rodata"
        assert (section["sh_addr"] in WINDOW) == writable, section.name


def test_code_executes_nothing_that_traps_at_el0_but_the_calls_of_the_engine(elf: Path) -> None:
    """A library that reads an identification register or maintains a cache would fail for a reason hard to find."""
    listing = subprocess.run(
        ["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", elf], capture_output=True, text=True, check=True
    ).stdout
    assert len(listing) > 1_000_000
    assert re.findall(r"\tsvc\t#0x(\d+)", listing) == [str(number) for number in range(CALLS)]
    assert not re.findall(r"tpidr_\w+|\t(?:hvc|smc|eret|msr|wfi|wfe|dc|ic|tlbi|at)\b.*", listing)
    assert not re.search(rf"\tbl?\t.*<{PROBE}>", listing)
    executed = re.sub(rf"<{PROBE}>:\n(?: .*\n)+", "", listing)
    assert set(re.findall(r"\tmrs\tx\d+, (\w+)", executed)) == READABLE_AT_EL0


def test_no_pseudo_random_number_generator_of_the_c_library_is_linked(engine_image: Path) -> None:
    names = symbols(engine_image).keys()
    assert {"engine_entropy", "RAND_bytes_ex"} <= names
    assert not names & {"rand", "srand", "random", "rand_r", "errno"}
