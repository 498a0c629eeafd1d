"""A built firmware: its files, what they were made from, and one hash that names it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.files import file_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a firmware. `size` is in bytes."""

    path: Path
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Artifact:
        """Describe a file that is there."""
        return cls(path, path.stat().st_size, file_sha256(path))


@dataclass(frozen=True, slots=True)
class GitState:
    """The commit that a build was made from; `commit` is empty outside a checkout."""

    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True)
class Firmware:
    """All files of one platform's firmware by name, such as `flash.bin`, and where they came from.

    `inputs` are the versions of the third-party packages, `tools` those of the compilers.
    """

    platform: str
    artifacts: Mapping[str, Artifact]
    inputs: Mapping[str, str]
    tools: Mapping[str, str]
    git: GitState

    @property
    def firmware_hash(self) -> str:
        """One hash over every file that goes to the target; equal sources give equal hashes.

        ELF files are for debuggers, and name the directories that they were made in.
        """
        names = sorted(name for name in self.artifacts if not name.endswith(".elf"))
        lines = "".join(f"{name} {self.artifacts[name].sha256}\n" for name in names)
        return hashlib.sha256(lines.encode()).hexdigest()

    def path(self, name: str) -> Path:
        """Return where a file is. Raises `UsageError` with the names there are."""
        if name not in self.artifacts:
            raise UsageError(f"the {self.platform} firmware has no {name}; it has {', '.join(sorted(self.artifacts))}")
        return self.artifacts[name].path

    def write_manifest(self, directory: Path) -> None:
        """Write the manifest, in one step, if it says something new."""
        content = {
            "schema": SCHEMA,
            "platform": self.platform,
            "firmware_hash": self.firmware_hash,
            "files": {
                name: {"size": artifact.size, "sha256": artifact.sha256}
                for name, artifact in sorted(self.artifacts.items())
            },
            "inputs": dict(self.inputs),
            "tools": dict(self.tools),
            "git": asdict(self.git),
        }
        text = json.dumps(content, indent=2) + "\n"
        manifest = directory / MANIFEST
        if not manifest.is_file() or manifest.read_text() != text:
            fresh = manifest.with_suffix(".new")
            fresh.write_text(text)
            fresh.replace(manifest)

    @classmethod
    def read(cls, directory: Path) -> Firmware:
        """Read what `write_manifest` wrote. Raises `UsageError` when there is no build or it is not whole."""
        build = f"hil build --platform {directory.name}"
        try:
            content = json.loads((directory / MANIFEST).read_text())
            if content["schema"] != SCHEMA:
                raise UsageError(f"{directory / MANIFEST} is of another version of hil", hint=build)
            firmware = cls(
                platform=content["platform"],
                artifacts={
                    name: Artifact(directory / name, entry["size"], entry["sha256"])
                    for name, entry in content["files"].items()
                },
                inputs=content["inputs"],
                tools=content["tools"],
                git=GitState(**content["git"]),
            )
        except FileNotFoundError:
            raise UsageError(f"there is no firmware in {directory}", hint=build) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{directory / MANIFEST} is damaged: {error!r}", hint=build) from None
        for artifact in firmware.artifacts.values():
            if not artifact.path.is_file() or artifact.path.stat().st_size != artifact.size:
                raise UsageError(f"{artifact.path} is missing or not what the manifest says", hint=build)
        return firmware
