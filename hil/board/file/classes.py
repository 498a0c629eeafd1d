"""The drivers, resources and strategies that a board file may use: labgrid's, and what it imports."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil import lazylabgrid
from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OURS = ("hil.drivers", "hil.strategies")
"""What nearly every board file imports."""

Classes = Mapping[str, type[Any]]


class _Register(Mapping[str, type[Any]]):
    """One of the factory's registers, in which a class that is offered is imported when it is looked for."""

    def __init__(self, registered: dict[str, type[Any]]) -> None:
        self._registered = registered

    def __getitem__(self, name: str) -> type[Any]:
        if (found := lazylabgrid.find(name, self._registered)) is None:
            raise KeyError(name)
        cls: type[Any] = found
        return cls

    def __iter__(self) -> Iterator[str]:
        lazylabgrid.import_offered()
        return iter(self._registered)

    def __len__(self) -> int:
        lazylabgrid.import_offered()
        return len(self._registered)


@contextlib.contextmanager
def imported(
    folder: Path, imports: Sequence[Any], refuse: Callable[[int, str], None]
) -> Iterator[tuple[Classes, Classes, Classes]]:
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
    before = [set(register) for register in registers]
    executed = {Path(name).stem for _, name in names if name.endswith(".py")}
    try:
        for number, name in names:
            if name.endswith(".py") and (why := _import(lambda name=name: _execute(folder / name), name)):
                refuse(number, why)
        resources, drivers, classes = (_Register(register) for register in registers)
        yield resources, drivers, classes
    finally:
        # What was imported meanwhile stays: it would not be imported, and registered, again.
        for register, known in zip(registers, before, strict=True):
            for name in [name for name, cls in register.items() if name not in known and cls.__module__ in executed]:
                del register[name]


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
