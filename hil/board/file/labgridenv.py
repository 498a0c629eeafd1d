"""Board files as labgrid environments, in which a misspelt key is an error and not a warning."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.board.file.boardfile import BoardFile
from hil.board.file.check import problems
from hil.board.file.images import images_in
from hil.board.file.placeholders import refuse_unfilled
from hil.errors import BoardFileError
from hil.sockets import make_room_for_sockets
from hil.spelling import nearest
from hil.tools import use_own_programs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labgrid import Config, Environment, Target

_checked: weakref.WeakSet[Any] = weakref.WeakSet()


def load(path: Path) -> Environment:
    """Return labgrid's environment for a board file. Raises `BoardFileError` for all that is wrong with it."""
    use_own_programs()  # labgrid's drivers run some
    make_room_for_sockets()  # labgrid's SSH connections have some
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
    refuse_unfilled(path)
    if found := problems(path):
        raise BoardFileError("\n".join(problem.at(path) for problem in found), hint="hil boards --keys")
    try:
        Config(str(path))
    except InvalidConfigError as error:
        raise BoardFileError(f"{path}: {error}") from error


def take_images(environment: Environment, directory: Path) -> None:
    """Have a board start from the images that are in `directory`. Raises `UsageError` when it has none of them."""
    replace_images(environment, images_in(directory, BoardFile.of_environment(environment).images))


def replace_images(environment: Environment, images: Mapping[str, Path]) -> None:
    """Have a board start from other images, by their keys; what is not among `images` stays as it is."""
    environment.config.data.setdefault("images", {}).update({name: str(path) for name, path in images.items()})


def board_name(target: Target) -> str:
    """Return the name of the board that a target is: that of its file."""
    return Path(target.env.config_file).stem if target.env else str(target.name)
