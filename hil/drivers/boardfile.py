"""Board files: labgrid environments in which a misspelt key is an error, not a warning."""

from __future__ import annotations

import difflib
import inspect
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.errors import BoardFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from labgrid import Config, Environment, Target

TOP_KEYS = frozenset({"targets", "imports", "options", "images", "tools", "paths", "features"})
TARGET_KEYS = frozenset({"resources", "drivers", "options", "features"})
ENTRY_KEYS = frozenset({"cls", "name", "bindings"})

_checked: weakref.WeakSet[Any] = weakref.WeakSet()


def load(path: Path) -> Environment:
    """Return labgrid's environment for a board file. Raises `BoardFileError` for all that is wrong with it."""
    from labgrid import Environment
    from labgrid.exceptions import InvalidConfigError

    if not path.is_file():
        near = nearest(path.stem, [other.stem for other in path.parent.glob("*.yaml")])
        raise BoardFileError(f"there is no board file {path}{near}", hint="hil boards")
    try:
        environment = Environment(str(path))
        check(environment.config)
    except (InvalidConfigError, ImportError) as error:
        raise BoardFileError(f"{path}: {error}") from error
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
    """Refuse unknown keys, classes and attributes, once per configuration. Raises `BoardFileError`."""
    if config in _checked:
        return
    data, file = config.data, config.filename
    _known(file, "", data, TOP_KEYS)
    for name, target in (data.get("targets") or {}).items():
        where = f"targets.{name}"
        _known(file, where, target or {}, TARGET_KEYS)
        for kind in ("resources", "drivers"):
            for cls, attributes in _entries((target or {}).get(kind) or {}):
                _check_entry(file, f"{where}.{kind}", cls, attributes)
    _checked.add(config)


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


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a clause that names the nearest known word, or all of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; known are {', '.join(choices)}" if choices else ""


def _entries(section: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield class and attributes of each entry, in either of labgrid's forms."""
    entries = section if isinstance(section, list) else [{cls: attributes} for cls, attributes in section.items()]
    for entry in entries:
        if "cls" in entry:
            yield entry["cls"], entry
        else:
            yield from ((cls, attributes or {}) for cls, attributes in entry.items())


def _check_entry(file: str, where: str, name: str, attributes: Mapping[str, Any]) -> None:
    from labgrid.factory import target_factory

    classes = {**target_factory.drivers, **target_factory.resources}
    if name not in classes:
        raise BoardFileError(f"{file}: {where}: there is no `{name}`{nearest(name, classes)}")
    parameters = set(inspect.signature(classes[name]).parameters) - {"target"}
    _known(file, f"{where}.{name}", attributes, parameters | ENTRY_KEYS)


def _known(file: str, where: str, found: Mapping[str, Any], known: Iterable[str]) -> None:
    for key in found:
        if key not in known:
            path = f"{where}.{key}" if where else key
            raise BoardFileError(f"{file}: unknown key `{path}`{nearest(str(key), known)}")
