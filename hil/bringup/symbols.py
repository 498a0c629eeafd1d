"""Where in the code the addresses of a crash are, by the ELF files of the build."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ADDR2LINE = "aarch64-linux-gnu-addr2line"
_SECONDS = 20.0
_REGISTER = re.compile(
    r"\b(?P<register>elr\w*|x30|lr|pc)\b\s*[=:]?\s*(?:0x)?(?P<address>[0-9a-f]{6,16})", re.IGNORECASE
)


def decode(lines: Sequence[str], images: Sequence[Path]) -> tuple[str, ...]:
    """Return `REGISTER is in FUNCTION at FILE:LINE` for each code address in a register dump that an image explains."""
    return tuple(
        f"{register} is in {place}" for register, address in _addresses(lines) for place in _places(address, images)
    )


def _addresses(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        for found in _REGISTER.finditer(line):
            if int(found["address"], 16):
                yield found["register"], found["address"]


def _places(address: str, images: Sequence[Path]) -> Iterator[str]:
    for image in images:
        try:
            answer = subprocess.run(
                [ADDR2LINE, "-fpsC", "-e", str(image), address],
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=True,
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            continue
        if not answer.startswith("??"):
            yield f"{answer} ({image.name})"
            return
