#!/usr/bin/env python3
"""Puts what the board of this repository starts from into build/: Debian's UEFI firmware for QEMU's `virt` machine.

It needs a checkout of hil, which pins the package.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from hil.errors import HilError
from hil.firmware import pinned, write_manifest

BUILD = Path(__file__).resolve().parent / "build"
IMAGES = {"QEMU_EFI.fd": "usr/share/qemu-efi-aarch64/QEMU_EFI.fd", "VARS.fd": "usr/share/AAVMF/AAVMF_VARS.fd"}


def build_all() -> None:
    """Copy the firmware and its empty variables, and write the manifest by which a run checks them."""
    (firmware,) = packages = pinned("qemu-efi-aarch64")
    BUILD.mkdir(exist_ok=True)
    for name, path in IMAGES.items():
        shutil.copy(firmware.file(path), BUILD / name)
    write_manifest(BUILD, [*IMAGES], packages)


if __name__ == "__main__":
    try:
        build_all()
    except HilError as error:
        sys.exit(str(error))
