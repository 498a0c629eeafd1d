"""What exactly was run: images, board file, tools, sources and machine."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

from hil.files import file_sha256
from hil.manifest import Manifest
from hil.record.inventory import Inventory, relative, take_stock
from hil.tools import ask_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND_TIMEOUT = 10.0
"""Seconds that a question to git or to the emulator may take."""

TOLD = ("hil", "junitparser", "labgrid", "paramiko", "pytest", "tpm2-pytss")
"""The packages that reports name; the record has all."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything needed to say whether two runs ran the same thing. Hashes are SHA-256, in hexadecimal."""

    board_file: str = ""
    board_file_sha256: str = ""
    firmware_hash: str = ""
    firmware: dict[str, Any] = field(default_factory=dict)
    git_commit: str = ""
    git_dirty: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    inventory: Inventory = field(default_factory=Inventory)
    host: dict[str, str] = field(default_factory=dict)

    @property
    def git(self) -> str:
        """The commit, marked when the tree held changes that are not in it."""
        return self.git_commit + ("-dirty" if self.git_dirty else "")


def gather(
    root: Path,
    board_file: Path,
    *,
    manifest: Path | None = None,
    data: Mapping[str, Any] | None = None,
    images: Mapping[str, str] | None = None,
) -> Provenance:
    """Collect the provenance of a run of the tree at `root` on the board of `board_file`.

    `manifest` is what the firmware build left behind, `data` the content of the board file, `images` the absolute paths
    of what it names. What cannot be found out stays empty: a run from an unpacked archive has no commit.
    """
    packages = {one.name: one.version for one in metadata.distributions()}
    firmware = Manifest.from_file(manifest).plain() if manifest else {}
    return Provenance(
        board_file=relative(board_file, root),
        board_file_sha256=file_sha256(board_file),
        firmware_hash=firmware.get("firmware_hash", ""),
        firmware=firmware,
        git_commit=_answer(["git", "rev-parse", "HEAD"], root),
        git_dirty=bool(_answer(["git", "status", "--porcelain", "--untracked-files=no"], root)),
        versions=_versions(packages, (data or {}).get("tools", {}).get("qemu", "")),
        packages=dict(sorted(packages.items())),
        inventory=take_stock(data or {}, images or {}, root),
        host={
            "name": platform.node(),
            "machine": platform.machine(),
            "system": platform.platform(),
        },
    )


def _versions(packages: Mapping[str, str], emulator: str) -> dict[str, str]:
    versions = {"python": platform.python_version()} | {name: packages[name] for name in TOLD if name in packages}
    if emulator and (answer := _answer([emulator, "--version"])):
        versions["qemu"] = answer.splitlines()[0].partition("version ")[2]
    return versions


def _answer(command: list[str], directory: Path | None = None) -> str:
    return (ask_tool(command, seconds=COMMAND_TIMEOUT, directory=directory) or "").strip()
