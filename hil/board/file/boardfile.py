"""Board files: labgrid environments in which a misspelt key is an error, not a warning."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.board.file.check import problems
from hil.errors import BoardFileError, UsageError
from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labgrid import Config, Environment, Target

_checked: weakref.WeakSet[Any] = weakref.WeakSet()


def load(path: Path) -> Environment:
    """Return labgrid's environment for a board file. Raises `BoardFileError` for all that is wrong with it."""
    from labgrid import Environment

    check_file(path)
    environment = Environment(str(path))
    _checked.add(environment.config)
    return environment


def target(environment: Environment, role: str = "main") -> Target:
    """Return a target with all its drivers. Raises `BoardFileError` when a driver lacks an attribute."""
    from labgrid.exceptions import InvalidConfigError, NoSupplierFoundError

    try:
        found = environment.get_target(role)
    except (InvalidConfigError, NoSupplierFoundError, ImportError, TypeError, ValueError) as error:
        cause = f": {error.__cause__}" if error.__cause__ else ""
        raise BoardFileError(f"{environment.config_file}: {error}{cause}") from error
    if found is None:
        raise BoardFileError(f"{environment.config_file}: there is no target `{role}`")
    return found


def check(config: Config) -> None:
    """Refuse a file with anything wrong in it, once per configuration. Raises `BoardFileError`."""
    if config not in _checked:
        check_file(Path(config.filename))
        _checked.add(config)


def check_file(path: Path) -> None:
    """Raise a `BoardFileError` that says all that is wrong with a board file, if anything is."""
    from labgrid.config import Config
    from labgrid.exceptions import InvalidConfigError

    if not path.is_file():
        near = nearest(path.stem, [other.stem for other in path.parent.glob("*.yaml")])
        raise BoardFileError(f"there is no board file {path}{near}", hint="hil boards")
    if found := problems(path):
        raise BoardFileError("\n".join(one.at(path) for one in found), hint="hil boards --keys")
    try:
        Config(str(path))
    except InvalidConfigError as error:
        raise BoardFileError(f"{path}: {error}") from error


def take_images(environment: Environment, directory: Path) -> None:
    """Have a board start from the images that are in `directory`. Raises `UsageError` when it has none of them."""
    images = {name: Path(path) for name, path in environment.config.get_images().items()}
    environment.config.data["images"] = {name: str(path) for name, path in images_in(directory, images).items()}


def images_in(directory: Path, images: Mapping[str, Path]) -> dict[str, Path]:
    """Return `images` with those replaced that `directory` has; what else belongs to a board stays as it is.

    The end of an image's path decides, the longest first: for `../build/qemu-virt/linux/Image` that is
    `qemu-virt/linux/Image` in a directory of builds, `linux/Image` in a build, and `Image`.
    Raises `UsageError` when there is none of them.
    """
    if not directory.is_dir():
        raise UsageError(f"there is no directory {directory}", doing="looking for firmware")
    found = {name: _in(directory, path) for name, path in images.items()}
    if not any(found.values()):
        wanted = ", ".join(sorted({path.name for path in images.values()})) or "no images"
        raise UsageError(f"{directory} has none of the images of this board: {wanted}", doing="looking for firmware")
    return {name: found[name] or path for name, path in images.items()}


def _in(directory: Path, image: Path) -> Path | None:
    parts = [part for part in image.parts if part not in ("/", "..")]
    candidates = (directory.joinpath(*parts[start:]) for start in range(len(parts)))
    return next((path.absolute() for path in candidates if path.is_file()), None)


def board_name(target: Target) -> str:
    """Return the name of the board that a target is: that of its file."""
    return Path(target.env.config_file).stem if target.env else str(target.name)
