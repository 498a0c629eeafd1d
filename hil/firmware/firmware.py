"""A built firmware: its files, what they were made from, and one hash that names it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.hashes import known_sha256
from hil.manifest import MANIFEST, MANIFEST_SCHEMA, BuiltFile, GitState, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a firmware. `size` is in bytes."""

    path: Path
    size: int
    sha256: str

    @classmethod
    def from_file(cls, path: Path) -> Artifact:
        """Describe a file that is there. Raises `OSError`."""
        return cls(path, path.stat().st_size, known_sha256(path))


@dataclass(frozen=True, slots=True)
class Firmware:
    """All files of one platform's firmware by name, such as `flash.bin`, and where they came from.

    `inputs` are the versions of the third-party packages, `tools` those of the compilers, and `build_ids` what its
    parts announce at boot.
    """

    platform: str
    artifacts: Mapping[str, Artifact]
    inputs: Mapping[str, str]
    tools: Mapping[str, str]
    git: GitState
    build_ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def firmware_hash(self) -> str:
        """One hash over every file that goes to the target; equal sources give equal hashes.

        ELF files are for debuggers; nothing of them goes to the target.
        """
        names = sorted(name for name in self.artifacts if not name.endswith(".elf"))
        lines = "".join(f"{name} {self.artifacts[name].sha256}\n" for name in names)
        return hashlib.sha256(lines.encode()).hexdigest()

    def path(self, name: str) -> Path:
        """Return where a file is. Raises `UsageError` with the names there are."""
        if name not in self.artifacts:
            raise UsageError(f"the {self.platform} firmware has no {name}; it has {', '.join(sorted(self.artifacts))}")
        return self.artifacts[name].path

    def manifest(self) -> Manifest:
        """Return what the manifest of this build says."""
        return Manifest(
            schema=MANIFEST_SCHEMA,
            platform=self.platform,
            firmware_hash=self.firmware_hash,
            files={name: BuiltFile(made.sha256, made.size) for name, made in sorted(self.artifacts.items())},
            inputs=dict(self.inputs),
            tools=dict(self.tools),
            git=self.git,
            build_ids=dict(sorted(self.build_ids.items())),
        )

    @classmethod
    def from_directory(cls, directory: Path) -> Firmware:
        """Read what a build left. Raises `UsageError` when there is no build in `directory` or it is not whole."""
        path = directory / MANIFEST
        rebuild = f"hil build --platform {directory.name}"
        try:
            manifest = Manifest.from_file(path)
        except FileNotFoundError:
            raise UsageError(f"there is no firmware in {directory}", hint=rebuild) from None
        if not manifest.platform:
            raise UsageError(f"{path} is damaged: it does not name the platform", hint=rebuild)
        if manifest.schema != MANIFEST_SCHEMA:
            raise UsageError(f"{path} is of another version of hil", hint=rebuild)
        firmware = cls(
            platform=manifest.platform,
            artifacts={
                name: Artifact(directory / name, file.size, file.sha256) for name, file in manifest.files.items()
            },
            inputs=manifest.inputs,
            tools=manifest.tools,
            git=manifest.git,
            build_ids=manifest.build_ids,
        )
        for artifact in firmware.artifacts.values():
            if not artifact.path.is_file() or artifact.path.stat().st_size != artifact.size:
                raise UsageError(f"{artifact.path} is missing or not what the manifest says", hint=rebuild)
        return firmware
