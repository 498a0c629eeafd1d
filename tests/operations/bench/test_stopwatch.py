"""The guest's stopwatch itself, with a pipe for the TPM: the response to a command is the command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.target.tpm.commands import command, flush_context, get_random

if TYPE_CHECKING:
    from collections.abc import Callable

    Stopwatch = Callable[..., subprocess.CompletedProcess[str]]

SOURCE = Path(__file__).resolve().parents[3] / "firmware" / "linux" / "bench" / "latency.c"
SUCCEEDING = command(0, bytes.fromhex("80000001"))
"""As a response it says success, and has a handle."""


@pytest.fixture(scope="module")
def stopwatch(tmp_path_factory: pytest.TempPathFactory) -> Stopwatch:
    folder = tmp_path_factory.mktemp("stopwatch")
    device, program = folder / "tpm0", folder / "tpm-latency"
    os.mkfifo(device)
    flags = ["-std=c17", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-Wconversion", f'-DDEVICE="{device}"']
    subprocess.run(["aarch64-linux-gnu-gcc", *flags, SOURCE, "-o", program], check=True, timeout=120)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["qemu-aarch64", program, *words], capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_a_command_is_timed_as_often_as_asked(stopwatch: Stopwatch) -> None:
    done = stopwatch("5", SUCCEEDING.hex(), SUCCEEDING.hex())
    _frequency, response, *ticks = done.stdout.split()  # programs under the user emulator see no frequency
    assert bytes.fromhex(response) == SUCCEEDING
    assert len([int(count) for count in ticks]) == 5


def test_a_command_that_the_tpm_refuses_is_no_figure(stopwatch: Stopwatch) -> None:
    done = stopwatch("5", get_random(16).hex())
    assert (done.returncode, done.stdout) == (1, "")
    assert "response code: 0000017b" in done.stderr


def test_what_comes_after_a_command_must_succeed_too(stopwatch: Stopwatch) -> None:
    done = stopwatch("1", SUCCEEDING.hex(), flush_context(0).hex())
    assert done.returncode == 1
    assert "response code: 00000165" in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "usage"),
        (("0", SUCCEEDING.hex()), "not a number of times"),
        (("1", "80"), "not the size of a TPM command"),
        (("1", "zz" * 10), "not in hexadecimal digits"),
        (("1", command(0).hex(), SUCCEEDING.hex()), "a response without a handle"),
    ],
)
def test_nonsense_is_refused_with_a_reason(stopwatch: Stopwatch, words: tuple[str, ...], why: str) -> None:
    done = stopwatch(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
