"""Has labgrid import its drivers and resources when they are used, and not all 130 of them at its own import.

`import labgrid` imports everything that its packages `driver` and `resource` offer, and its pytest plugin the client of
the coordinator with gRPC. Together that takes longer than a test, and a board uses a handful of it. After `install` a
name of these packages is imported by whoever asks for it: by an `import`, or by a board file that names a class. Who
asks for a name that nobody has offered still gets what labgrid would have said: then everything is imported first.

How labgrid's packages and its factory look inside is private to it; pyproject.toml bounds the version. Packages that
look otherwise are imported as they are.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

PACKAGES = ("labgrid.driver", "labgrid.resource")
FACTORY = "labgrid.factory"
CLIENT = "labgrid.remote.client"
PLUGIN = "labgrid.pytestplugin.fixtures"
"""labgrid's pytest plugin takes one name from the client: an error that only a used client raises."""
USER_ERROR = "UserError"
_OURS = ("labgrid.", "hil.")

_offers: dict[str, str] = {}
"""The module that registers each class that is offered, by the name of the class."""


def install() -> None:
    """Have labgrid imported lazily from now on, in this process; too late where labgrid is imported already."""
    if "labgrid" not in sys.modules and not is_installed():
        sys.meta_path.insert(0, _Finder())


def is_installed() -> bool:
    """Whether labgrid is imported lazily in this process."""
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def offer(package: str, modules: Mapping[str, str]) -> None:
    """Have labgrid find the classes that modules of a package register, by name; without `install` import them all."""
    names = {name: f"{package}.{module}" for name, module in modules.items()}
    if is_installed():
        _offers.update(names)
    else:
        _import(names.values())


def import_offered(name: str = "") -> None:
    """Import the module that registers a class of this name, if one does; without a name all that are offered."""
    _import([_offers[name]] if name in _offers else () if name else _offers.values())


def _import(modules: Any) -> None:
    for module in dict.fromkeys(modules):
        importlib.import_module(module)


class _Finder(MetaPathFinder):
    """Finds the few modules of labgrid that are not imported as they are."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in (*PACKAGES, FACTORY, CLIENT):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or spec.loader is None:
            return spec
        if fullname in PACKAGES:
            names = _names_of_package(Path(spec.origin))
            spec.loader = _PackageLoader(names) if names else spec.loader
        elif fullname == FACTORY:
            spec.loader = _FactoryLoader(spec.loader)
        else:
            spec.loader = _ClientLoader(spec.loader)
        return spec


def _names_of_package(file: Path) -> dict[str, str]:
    """Return the module that each name of a package is from; empty if the package does more than to import them."""
    found: dict[str, str] = {}
    for statement in ast.parse(file.read_bytes()).body:
        if not (isinstance(statement, ast.ImportFrom) and statement.level == 1 and statement.module):
            return {}
        for alias in statement.names:
            if alias.name == "*" or alias.asname:
                return {}
            found[alias.name] = statement.module
    return found


class _PackageLoader(Loader):
    """Makes a package whose names are imported when they are asked for."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def exec_module(self, module: ModuleType) -> None:
        offer(module.__name__, self._names)

        def get(name: str) -> Any:
            if name not in self._names:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            value = getattr(importlib.import_module(f"{module.__name__}.{self._names[name]}"), name)
            setattr(module, name, value)
            return value

        vars(module).update(__getattr__=get, __all__=list(self._names), __dir__=lambda: [*vars(module), *self._names])


class _FactoryLoader(Loader):
    """Has labgrid's factory import a class that is offered before it says that there is none."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._plain.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._plain.exec_module(module)
        factory: Any = vars(module)["target_factory"]
        factory.make_resource = _found_first(factory.make_resource, factory.resources, 1)
        factory.make_driver = _found_first(factory.make_driver, factory.drivers, 1)
        factory.class_from_string = _found_first(factory.class_from_string, factory.all_classes, 0)
        for register in ("reg_resource", "reg_driver"):
            setattr(factory, register, _refusing_all_names(getattr(factory, register)))


def _found_first(method: Callable[..., Any], known: Mapping[str, Any], position: int) -> Callable[..., Any]:
    """Return a method of the factory that first imports the class whose name is at this position of its arguments."""

    @functools.wraps(method)
    def wrapper(*arguments: Any, **more: Any) -> Any:
        if len(arguments) > position:
            find(arguments[position], known)
        return method(*arguments, **more)

    return wrapper


def find(name: Any, known: Mapping[str, Any]) -> Any:
    """Return a class from one of the factory's registers, where it may have to be imported first; None without one."""
    if name not in known:
        import_offered(str(name))
    if name not in known:
        import_offered()
    return known.get(name)


def _refusing_all_names(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the factory that registers a class, and refuses a name that labgrid or hil has."""

    @functools.wraps(method)
    def wrapper(cls: type[Any]) -> Any:
        if not cls.__module__.startswith(_OURS):
            import_offered()
        return method(cls)

    return wrapper


class _ClientLoader(Loader):
    """Makes labgrid's client, which is imported as soon as more is asked of it than its error for users."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def exec_module(self, module: ModuleType) -> None:
        placeholder = type(USER_ERROR, (Exception,), {"__module__": module.__name__})

        def get(name: str) -> Any:
            if name == USER_ERROR and PLUGIN in sys.modules and not hasattr(sys.modules[PLUGIN], USER_ERROR):
                return placeholder
            if name.startswith("__"):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            if "__getattr__" in vars(module):
                del vars(module)["__getattr__"]
                self._plain.exec_module(module)
                if plugin := sys.modules.get(PLUGIN):
                    vars(plugin)[USER_ERROR] = vars(module)[USER_ERROR]
            return getattr(module, name)

        vars(module)["__getattr__"] = get
