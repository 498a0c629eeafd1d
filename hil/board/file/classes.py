"""The drivers, resources and strategies that a board file may use: labgrid's, and what it imports."""

from __future__ import annotations

import contextlib
import importlib
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import TYPE_CHECKING, Any

from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hil.board.file.document import Document

OURS = ("hil.drivers", "hil.strategies")
"""What nearly every board file imports."""

Classes = dict[str, type[Any]]


@contextlib.contextmanager
def imported(document: Document) -> Iterator[tuple[Classes, Classes, Mapping[str, type[Any]]]]:
    """Import what the file imports; yields resources, drivers and all named classes (protocols, too).

    A file among the imports is executed by labgrid for itself; what it registers here is forgotten afterwards.
    """
    from labgrid.factory import target_factory

    registers = (target_factory.resources, target_factory.drivers, target_factory.all_classes)
    imports = document.data.get("imports")
    names = imports if isinstance(imports, list) else []
    for number, name in enumerate(names):
        if isinstance(name, str) and not name.endswith(".py"):
            _import(document, number, lambda name=name: importlib.import_module(name), name)
    before = [dict(register) for register in registers]
    try:
        for number, name in enumerate(names):
            if isinstance(name, str) and name.endswith(".py"):
                file = document.path.parent / name
                _import(document, number, lambda file=file: _execute(file), name)
        yield registers
    finally:
        for register, kept in zip(registers, before, strict=True):
            register.clear()
            register.update(kept)


def _import(document: Document, number: int, load: Any, name: str) -> None:
    try:
        load()
    except ModuleNotFoundError as error:
        document.problem(("imports", number), f"`{name}` cannot be imported: {error}{nearest(name, OURS)}")
    except Exception as error:  # whatever a module of the user's says at its import
        document.problem(("imports", number), f"`{name}` cannot be imported: {type(error).__name__}: {error}")


def _execute(file: Path) -> None:
    """Run a file as labgrid does, unless labgrid has done so."""
    found = sys.modules.get(file.stem)
    if found and found.__spec__ and found.__spec__.origin == str(file):
        return
    loader = SourceFileLoader(file.stem, str(file))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    loader.exec_module(module_from_spec(spec))
