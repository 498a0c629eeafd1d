"""The manifest of a firmware build: `manifest.json` beside its images, which says what they are and what made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

from hil.errors import UsageError
from hil.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = 1
"""Version of the format; raised when a reader must change."""
REBUILD = "hil build"


class BuiltFile(msgspec.Struct, frozen=True):
    """A file that a build made. `size` is in bytes."""

    sha256: str
    size: int = 0


class GitState(msgspec.Struct, frozen=True):
    """The commit that a tree is at, and whether it has changes that are in no commit.

    Where git cannot say it, `unknown` is the reason, `commit` is empty and `dirty` is None.
    """

    commit: str = ""
    dirty: bool | None = None
    unknown: str = ""

    def __str__(self) -> str:
        """The commit, marked when the tree has changes that are not in it."""
        return f"unknown: {self.unknown}" if self.unknown else self.commit + ("-dirty" if self.dirty else "")


class Manifest(msgspec.Struct, frozen=True):
    """What a build made, from what and with what.

    `files` are by name, relative to the manifest's directory; `inputs` are the versions of the third-party packages,
    `tools` those of the compilers. `firmware_hash` is one hash over all files that go to the target. `build_ids` are
    what its parts announce at boot, by part: see `hil.buildid`. A manifest by somebody else, beside images that
    we did not build, need not have more than `files`.
    """

    schema: int = 0
    platform: str = ""
    firmware_hash: str = ""
    files: dict[str, BuiltFile] = msgspec.field(default_factory=dict)
    inputs: dict[str, str] = msgspec.field(default_factory=dict)
    tools: dict[str, str] = msgspec.field(default_factory=dict)
    git: GitState = GitState()
    build_ids: dict[str, str] = msgspec.field(default_factory=dict)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a manifest. Raises `FileNotFoundError` when there is none, and `UsageError` when it makes no sense."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", hint=REBUILD) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is damaged: {error}", hint=REBUILD) from None

    @classmethod
    def beside(cls, image: Path) -> Self | None:
        """Read the manifest of the build that made `image`; None if none lies beside it. Raises `UsageError`."""
        try:
            return cls.from_file(image.parent / MANIFEST)
        except FileNotFoundError:
            return None

    def write(self, directory: Path) -> None:
        """Write the manifest of the build in `directory`, if it says something new. Raises `OSError`."""
        path = directory / MANIFEST
        content = msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
        # A build that changed nothing leaves the time of the file alone: what depends on it stays up to date.
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)

    def plain(self) -> dict[str, Any]:
        """Return the manifest as JSON has it."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        return content


def find_manifest(images: Iterable[Path]) -> Path | None:
    """Return the manifest of the first of `images` that has one beside it; None when no build of ours made any."""
    manifests = (image.parent / MANIFEST for image in images)
    return next((manifest for manifest in manifests if manifest.is_file()), None)
