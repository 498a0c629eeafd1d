"""The firmware build: third-party sources, recipes, and what came out."""

from hil.firmware.crossmake import COMPILER, make
from hil.firmware.firmware import Artifact, Firmware
from hil.firmware.initramfs import Initramfs
from hil.firmware.monitor import build_monitor
from hil.firmware.pinnedpackages import PinnedPackage, pinned, write_manifest
from hil.firmware.platforms import PLATFORMS
from hil.firmware.recipe import build, build_directory, build_linux, linux_directory, load
from hil.firmware.steps import BuildDirectory, BuildStep, lay, version

__all__ = [
    "COMPILER",
    "PLATFORMS",
    "Artifact",
    "BuildDirectory",
    "BuildStep",
    "Firmware",
    "Initramfs",
    "PinnedPackage",
    "build",
    "build_directory",
    "build_linux",
    "build_monitor",
    "lay",
    "linux_directory",
    "load",
    "make",
    "pinned",
    "version",
    "write_manifest",
]
