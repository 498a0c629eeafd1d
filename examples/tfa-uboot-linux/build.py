#!/usr/bin/env python3
"""Makes what the boards of this repository start from, in build/: firmware, kernel, initramfs and monitor.

It needs a checkout of hil, which pins the packages and has the monitor. What has not changed is not made again.
"""

from __future__ import annotations

import gzip
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import HilError
from hil.firmware import COMPILER, BuildDirectory, Initramfs, build_monitor, lay, make, pinned, version, write_manifest

if TYPE_CHECKING:
    from hil.firmware import BuildStep, PinnedPackage

HERE = Path(__file__).resolve().parent
PLATFORM = "qemu_rndr"
"""TF-A's name for the platform in firmware/: QEMU's `virt` machine with an entropy source."""
FLASH_BYTES = 4 << 20
FIP_OFFSET = 0x40000
"""PLAT_QEMU_FIP_BASE of TF-A's plat/qemu/qemu/include/platform_def.h: the FIP lies behind BL1."""
TFA_SETTINGS = {
    "PLAT": PLATFORM,
    "QEMU_USE_GIC_DRIVER": "QEMU_GICV3",
    "TRNG_SUPPORT": "1",
    "SDEI_SUPPORT": "1",
    "EL3_EXCEPTION_HANDLING": "1",  # SDEI needs it
    "BUILD_MESSAGE_TIMESTAMP": '"reproducible"',
}
APPLETS = "cat dmesg echo getty grep hostname init login ls mount nproc poweroff reboot sh sleep uname"
INITTAB = """\
::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/mount -t sysfs sys /sys
::sysinit:/bin/mount -t devtmpfs dev /dev
::sysinit:/bin/hostname example
ttyAMA0::respawn:/bin/getty -L 115200 ttyAMA0 vt100
"""


def build_all() -> None:
    """Make all images that are out of date, and the manifest by which a run checks them."""
    build = BuildDirectory(HERE / "build")
    tfa, uboot, kernel, busybox = packages = pinned(
        "arm-trusted-firmware", "u-boot-qemu", "linux-image-*-cloud-arm64", "busybox-static"
    )
    recipe = HERE / "build.py"
    build.step(
        "flash",
        "Building Trusted Firmware-A with U-Boot",
        [version(COMPILER), tfa.key, uboot.key, HERE / "firmware", recipe],
        ["flash.bin"],
        partial(make_flash, build.path, tfa, uboot),
        shared=True,
    )
    build.step(
        "system",
        "Packing kernel and initramfs",
        [kernel.key, busybox.key, recipe],
        ["Image", "initrd"],
        lambda _step: make_system(build.path, kernel, busybox),
    )
    monitor = build_monitor(build, "qemu-virt")
    images = ["flash.bin", "Image", "initrd", "monitor.bin", "monitor.elf"]
    write_manifest(build.path, images, packages, monitor=monitor)


def make_flash(directory: Path, tfa: PinnedPackage, uboot: PinnedPackage, step: BuildStep) -> None:
    """Build TF-A, with U-Boot as what it starts in the normal world, and pack what the machine starts from."""
    tree = directory / "tfa"
    shutil.rmtree(tree, ignore_errors=True)
    lay(tfa.path, tree)
    lay(HERE / "firmware", tree / "plat" / "example" / PLATFORM)
    images = {"BL33": uboot.file("usr/lib/u-boot/qemu_arm64/u-boot.bin")}
    make(step, tree, "bl1", "bl2", "bl31", "fip", BUILD_STRING=tfa.version, **TFA_SETTINGS, **images)
    made = tree / "build" / PLATFORM / "release"
    content = (made / "bl1.bin").read_bytes().ljust(FIP_OFFSET, b"\xff") + (made / "fip.bin").read_bytes()
    (directory / "flash.bin").write_bytes(content.ljust(FLASH_BYTES, b"\xff"))


def make_system(directory: Path, kernel: PinnedPackage, busybox: PinnedPackage) -> None:
    """Take the kernel out of its package, and pack an initramfs with busybox that ends in a login."""
    shutil.copy(kernel.file("boot/vmlinuz-*"), directory / "Image")  # it is uncompressed on arm64
    files = Initramfs()
    files.file("bin/busybox", busybox.file("bin/busybox").read_bytes(), 0o755)
    for applet in APPLETS.split():
        files.link(f"bin/{applet}", "busybox")
    files.link("init", "bin/busybox")
    for name in ("dev", "proc", "root", "sys", "tmp"):
        files.directory(name)
    files.file("etc/passwd", b"root::0:0:root:/root:/bin/sh\n")
    files.file("etc/group", b"root:x:0:\n")
    files.file("etc/inittab", INITTAB.encode())
    (directory / "initrd").write_bytes(gzip.compress(files.cpio(), mtime=0))


if __name__ == "__main__":
    try:
        build_all()
    except HilError as error:
        sys.exit(str(error))
