"""The console that guests get, from the VMM and from the monitor, with a driver that may break every rule."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "firmware" / "linux" / "virtio"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("virtio") / "console"
    main = Path(__file__).parent / "virtio" / "console.c"
    command: list[str | Path] = ["gcc", "-std=c17", "-g", "-O1", "-Wall", "-Wextra", "-Werror"]
    command += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{SOURCES}"]
    command += [main, *sorted(SOURCES.glob("*.c")), "-o", out]
    subprocess.run(command, check=True, timeout=120)
    return out


def keep(program: Path, promise: str) -> None:
    done = subprocess.run([program, promise], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_what_the_guest_writes_comes_out_and_is_given_back(program: Path) -> None:
    keep(program, "output")


def test_input_goes_where_the_guest_gave_room(program: Path) -> None:
    keep(program, "input")


def test_queue_that_is_malformed_or_outside_of_ram_is_refused_and_a_good_one_stays_good(program: Path) -> None:
    keep(program, "queues")


def test_buffer_outside_of_ram_is_neither_read_nor_written(program: Path) -> None:
    keep(program, "buffers")


def test_endless_chain_of_buffers_ends(program: Path) -> None:
    keep(program, "chains")


def test_no_driver_makes_the_console_touch_other_memory(program: Path) -> None:
    keep(program, "anything")
