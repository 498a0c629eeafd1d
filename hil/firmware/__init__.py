"""The firmware build: third-party sources, recipes, and what came out."""

from hil.firmware.firmware import Artifact, Firmware
from hil.firmware.platforms import PLATFORMS
from hil.firmware.recipe import build, build_directory, build_linux, linux_directory, load

__all__ = [
    "PLATFORMS",
    "Artifact",
    "Firmware",
    "build",
    "build_directory",
    "build_linux",
    "linux_directory",
    "load",
]
