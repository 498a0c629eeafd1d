"""The drivers, resources and strategies that a board file may use: labgrid's, and what it imports."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import TYPE_CHECKING, Any

from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

OURS = ("hil.drivers", "hil.strategies")
"""What nearly every board file imports."""

Classes = dict[str, type[Any]]


@contextlib.contextmanager
def imported(
    folder: Path, imports: Sequence[Any], refuse: Callable[[int, str], None]
) -> Iterator[tuple[Classes, Classes, Mapping[str, type[Any]]]]:
    """Import what a board file of `folder` imports; yields resources, drivers and all named classes (protocols, too).

    `refuse` gets the number of an import that fails, and why. A file among the imports is executed by labgrid for
    itself; what it registers here is forgotten afterwards.
    """
    from labgrid.factory import target_factory

    registers = (target_factory.resources, target_factory.drivers, target_factory.all_classes)
    names = [(number, name) for number, name in enumerate(imports) if isinstance(name, str)]
    for number, name in names:
        if not name.endswith(".py") and (why := _import(lambda name=name: import_module(name), name)):
            refuse(number, why)
    before = [dict(register) for register in registers]
    try:
        for number, name in names:
            if name.endswith(".py") and (why := _import(lambda name=name: _execute(folder / name), name)):
                refuse(number, why)
        yield registers
    finally:
        for register, kept in zip(registers, before, strict=True):
            register.clear()
            register.update(kept)


def _import(load: Any, name: str) -> str:
    """Return why something cannot be imported; empty when it can."""
    try:
        load()
    except ModuleNotFoundError as error:
        return f"`{name}` cannot be imported: {error}{nearest(name, OURS)}"
    except Exception as error:  # whatever a module of the user's says at its import
        return f"`{name}` cannot be imported: {type(error).__name__}: {error}"
    return ""


def _execute(file: Path) -> None:
    """Run a file as labgrid does, unless labgrid has done so."""
    found = sys.modules.get(file.stem)
    if found and found.__spec__ and found.__spec__.origin == str(file):
        return
    loader = SourceFileLoader(file.stem, str(file))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    loader.exec_module(module_from_spec(spec))
