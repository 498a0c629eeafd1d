"""What exactly was run: images, board file, tools, sources and machine."""

from __future__ import annotations

import platform
import re
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct, field

from hil.files import file_sha256
from hil.git import git_state
from hil.manifest import Manifest
from hil.record.inventory import Inventory, relative
from hil.tools import ask_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND_TIMEOUT = 10.0
"""Seconds that a question to the emulator may take."""

_HEADER = re.compile(r"^(Name|Version):(.*)$", re.MULTILINE)

TOLD = ("hil", "junitparser", "labgrid", "paramiko", "pytest", "tpm2-pytss")
"""The packages that reports name; the record has all."""


class Provenance(Struct, frozen=True):
    """Everything needed to say whether two runs ran the same thing."""

    board_file: Annotated[str, Meta(description="the board file, relative to the root of the tree")] = ""
    board_file_sha256: Annotated[str, Meta(description="SHA-256 of the board file", pattern="^([0-9a-f]{64})?$")] = ""
    firmware_hash: Annotated[
        str, Meta(description="hash over all of the firmware's files; empty when no build of ours made it")
    ] = ""
    firmware: Annotated[
        dict[str, Any],
        Meta(description="the manifest of the firmware's build: files, packages that went in, compiler, commit"),
    ] = field(default_factory=dict)
    git_commit: Annotated[str, Meta(description="commit of the tree that the suites are from")] = ""
    git_dirty: Annotated[
        bool | None, Meta(description="whether that tree had changes that are in no commit; null where that is unknown")
    ] = None
    git_unknown: Annotated[
        str, Meta(description="why commit and changes are unknown, such as a tree in no repository; else empty")
    ] = ""
    versions: Annotated[
        dict[str, str],
        Meta(description="versions of Python, of the emulator, and of the packages that matter most"),
    ] = field(default_factory=dict)
    packages: Annotated[dict[str, str], Meta(description="versions of all Python packages that were installed")] = (
        field(default_factory=dict)
    )
    inventory: Annotated[Inventory, Meta(description="what the board file names, as it was on that machine")] = field(
        default_factory=Inventory
    )
    host: Annotated[
        dict[str, str],
        Meta(description="the machine that ran this: `name`, `machine` (its processor), `system`"),
    ] = field(default_factory=dict)

    @property
    def git(self) -> str:
        """The commit, marked when the tree held changes that are not in it."""
        return self.git_commit + ("-dirty" if self.git_dirty else "")


def gather(
    root: Path,
    board_file: Path,
    *,
    manifest: Path | None = None,
    inventory: Inventory | None = None,
    emulator: str = "",
) -> Provenance:
    """Collect the provenance of a run of the tree at `root` on the board of `board_file`.

    `manifest` is what the firmware build left behind, `inventory` what the board file names, `emulator` the program
    that plays the board. What cannot be found out stays empty: a run from an unpacked archive has no commit, and the
    reason instead.
    """
    packages = installed_packages()
    firmware = Manifest.from_file(manifest).plain() if manifest else {}
    git = git_state(root)
    return Provenance(
        board_file=relative(board_file, root),
        board_file_sha256=file_sha256(board_file),
        firmware_hash=firmware.get("firmware_hash", ""),
        firmware=firmware,
        git_commit=git.commit,
        git_dirty=git.dirty,
        git_unknown=git.unknown,
        versions=_versions(packages, emulator),
        packages=dict(sorted(packages.items())),
        inventory=inventory or Inventory(),
        host={
            "name": platform.node(),
            "machine": platform.machine(),
            "system": platform.platform(),
        },
    )


def installed_packages() -> dict[str, str]:
    """Return the versions of all installed Python packages.

    Only the head of each METADATA is read: `importlib.metadata` parses the whole file, as an email, for each question,
    which takes a tenth of a second for a hundred packages. https://packaging.python.org/specifications/core-metadata
    """
    found = {}
    for package in metadata.distributions():
        head = (package.read_text("METADATA") or package.read_text("PKG-INFO") or "").partition("\n\n")[0]
        said = {name: value.strip() for name, value in _HEADER.findall(head)}
        found[said.get("Name") or package.name] = said.get("Version") or package.version
    return found


def _versions(packages: Mapping[str, str], emulator: str) -> dict[str, str]:
    versions = {"python": platform.python_version()} | {name: packages[name] for name in TOLD if name in packages}
    if emulator and (answer := _answer([emulator, "--version"])):
        versions["qemu"] = answer.splitlines()[0].partition("version ")[2]
    return versions


def _answer(command: list[str]) -> str:
    return (ask_tool(command, seconds=COMMAND_TIMEOUT) or "").strip()
