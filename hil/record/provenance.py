"""What exactly was run: images, board file, tools, sources and machine."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

COMMAND_TIMEOUT = 10.0
"""Seconds that a question to git or to the emulator may take."""

PACKAGES = ("hil", "labgrid", "pytest", "tpm2-pytss")


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
    host: dict[str, str] = field(default_factory=dict)

    @property
    def git(self) -> str:
        """The commit, marked when the tree held changes that are not in it."""
        return self.git_commit + ("-dirty" if self.git_dirty else "")


def gather(root: Path, board_file: Path, *, manifest: Path | None = None, emulator: str = "") -> Provenance:
    """Collect the provenance of a run of the tree at `root` on the board of `board_file`.

    `manifest` is what the firmware build left behind, `emulator` the program that stands for the board, if any.
    What cannot be found out stays empty: a run from an unpacked archive has no commit.
    """
    firmware = json.loads(manifest.read_text(encoding="utf-8")) if manifest else {}
    return Provenance(
        board_file=_relative(board_file, root),
        board_file_sha256=hashlib.sha256(board_file.read_bytes()).hexdigest(),
        firmware_hash=firmware.get("firmware_hash", ""),
        firmware=firmware,
        git_commit=_answer(["git", "rev-parse", "HEAD"], root),
        git_dirty=bool(_answer(["git", "status", "--porcelain", "--untracked-files=no"], root)),
        versions=_versions(emulator),
        host={
            "name": platform.node(),
            "machine": platform.machine(),
            "system": platform.platform(),
        },
    )


def _versions(emulator: str) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    if emulator and (answer := _answer([emulator, "--version"])):
        versions["qemu"] = answer.splitlines()[0].partition("version ")[2]
    return versions


def _answer(command: list[str], directory: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _relative(path: Path, root: Path) -> str:
    resolved = path.resolve()
    return str(resolved.relative_to(root)) if resolved.is_relative_to(root) else path.name
