"""The checks of `hil doctor`: each looks at one thing, and says how to install or repair it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.firmware.archives import SuiteRequest, configured_archives, source_list
from hil.firmware.lock import Kind
from hil.operations.doctor.devices import RULES, SD_MUX_DEVICE, denied, plugged_in
from hil.operations.doctor.tools import ON_REQUEST, TOOLS, RequiredTool, inspect
from hil.paths import CHECKOUT, cache_root, shipped, unbuildable
from hil.tools import use_own_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DISK_BYTES = 2 << 30
"""The cache holds about 350 MB, a build directory 150 MB, snapshots and records the rest."""

PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, what was found, and the remedy if that is not good enough.

    `packages` are the Debian packages that repair it; `reinstall` is a Python package to install again. What only
    hardware needs is `optional`: without it, everything else works.
    """

    name: str
    ok: bool
    found: str
    wanted: str
    remedy: str = ""
    packages: tuple[str, ...] = ()
    reinstall: str = ""
    optional: bool = False


def checks(wanted: Iterable[str] = ()) -> list[Check]:
    """Run all checks. Takes about a second, and changes nothing.

    `wanted` are groups of `ON_REQUEST`, which are missed only by who asks for them. Raises `UsageError` for another.
    """
    tools = dict(TOOLS)
    for group in wanted:
        if group not in ON_REQUEST:
            raise UsageError(f"there is nothing called {group!r} to install", hint=" or ".join(ON_REQUEST))
        tools |= ON_REQUEST[group]
    return [_tool(name, tool) for name, tool in tools.items()] + [check() for check in _OTHERS]


def _tool(name: str, tool: RequiredTool) -> Check:
    found = inspect(tool)
    return Check(
        name=name,
        ok=not found.lacks,
        found=found.lacks or found.version,
        wanted=tool.wanted,
        remedy="" if not found.lacks else tool.remedy,
        packages=(tool.package,),
    )


def _python() -> Check:
    version = sys.version_info
    return Check(
        "Python",
        version >= PYTHON,
        f"{version.major}.{version.minor}.{version.micro}",
        f"{PYTHON[0]}.{PYTHON[1]} or later",
        "apt-get install python3 (Debian 12 or later), then make setup",
    )


def _serial() -> Check:
    """Check that `serial` is labgrid's fork of pyserial: both install this package, and the last one wins silently."""
    wanted = "the package serial/ as pyserial-labgrid installed it, and no pyserial"
    remedy = "pip uninstall pyserial; pip install --force-reinstall --no-deps pyserial-labgrid"
    name = "pyserial-labgrid"
    try:
        fork = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return Check("serial", False, "not installed", wanted, remedy, reinstall=name)
    altered = [
        str(file)
        for file in fork.files or ()
        if file.hash and str(file).startswith("serial/") and not _is_as_recorded(fork.locate_file(file), file.hash)
    ]
    try:
        upstream = metadata.version("pyserial")
    except metadata.PackageNotFoundError:
        upstream = ""
    if upstream or altered:
        found = f"pyserial {upstream} beside it" if upstream else f"overwritten: {altered[0]}"
        return Check("serial", False, found, wanted, remedy, reinstall=name)
    return Check("serial", True, fork.version, wanted)


def _is_as_recorded(path: os.PathLike[str] | object, recorded: metadata.FileHash) -> bool:
    import base64
    import hashlib

    try:
        content = Path(str(path)).read_bytes()
    except OSError:
        return False
    digest = base64.urlsafe_b64encode(hashlib.new(recorded.mode, content).digest()).rstrip(b"=").decode()
    return digest == recorded.value


def _cache() -> Check:
    root = cache_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Check(
            "cache", False, f"{root}: {error.strerror}", "a directory to write to", "set HIL_CACHE to another directory"
        )
    return Check("cache", True, str(root), "a directory to write to")


def _places() -> Check:
    """Check that make can build where checkout and cache are: it takes a blank for the end of a name."""
    wanted = "no blank, and nothing that make or a shell misreads, in the paths of checkout and cache"
    if not (CHECKOUT / "firmware").is_dir():
        return Check("paths", True, "an installed package, which builds no firmware", wanted)
    for place, remedy in ((CHECKOUT, "move the checkout"), (cache_root(), "set HIL_CACHE to another directory")):
        if what := unbuildable(place):
            return Check("paths", False, f"{what} in {str(place.absolute())!r}: no firmware is built", wanted, remedy)
    return Check("paths", True, str(CHECKOUT), wanted)


def _disk() -> Check:
    root = cache_root()
    while not root.exists():
        root = root.parent
    free = min(shutil.disk_usage(place).free for place in (root, CHECKOUT))
    return Check(
        "disk space",
        free >= DISK_BYTES,
        f"{free / (1 << 30):.1f} GiB free",
        f"{DISK_BYTES >> 30} GiB in cache and checkout",
        "free some, or set HIL_CACHE to a directory on another disk",
    )


def _archives() -> Check:
    wanted = "an archive of Debian in apt's configuration"
    try:
        source_list(configured_archives(), [SuiteRequest("bookworm", Kind.SOURCE, "")])
    except UsageError as error:
        return Check("package archive", False, error.message, wanted, error.context.hint)
    return Check("package archive", True, "configured", wanted)


def _devices() -> Check:
    """Check that this user may use the serial adapters and SD muxes that are plugged in."""
    wanted = "reading and writing serial adapters and SD muxes"
    found = plugged_in()
    if refused := denied(found):
        remedy = f"sudo usermod -aG dialout,plugdev $USER and log in again; udev rules: {shipped(RULES)}"
        return Check("devices", False, "no access to " + "; ".join(refused), wanted, remedy, optional=True)
    names = ", ".join(str(device.path) for device in found)
    return Check("devices", True, names or "no serial adapter or SD mux is plugged in", wanted)


def _sd_mux_tool() -> Check:
    """Check for the program that switches an SD mux, if one is plugged in."""
    wanted = "usbsdmux: switches a card between the board and this machine"
    remedy = f"{sys.executable} -m pip install usbsdmux, or apt-get install usbsdmux"
    use_own_programs()
    path = shutil.which("usbsdmux")
    if path is None and any(device.of == SD_MUX_DEVICE for device in plugged_in()):
        return Check(
            "SD mux", False, "an SD mux is plugged in, and there is no usbsdmux", wanted, remedy, optional=True
        )
    return Check("SD mux", True, path or "none is plugged in", wanted)


_OTHERS: tuple[Callable[[], Check], ...] = (_python, _serial, _archives, _cache, _places, _disk, _devices, _sd_mux_tool)
