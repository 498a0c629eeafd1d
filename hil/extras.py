"""Optional parts of the package: what an extra is for, and what to say when its packages are not installed."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from typing import TYPE_CHECKING

from hil.errors import MissingTool

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTRIBUTION = "hil"


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of `pyproject.toml`: the modules that it brings, and what cannot be done without them."""

    name: str
    modules: tuple[str, ...]
    needed_by: str

    @property
    def requirements(self) -> list[str]:
        """What pip has to install, as the installed package says it; the name of the extra when nothing says it."""
        try:
            declared = requires(DISTRIBUTION) or []
        except PackageNotFoundError:  # run from a directory that nobody installed
            declared = []
        marker = f"extra == '{self.name}'"
        parts = (requirement.partition(";") for requirement in declared)
        wanted = [text.strip() for text, _, condition in parts if condition.strip().replace('"', "'") == marker]
        return wanted or [f"{DISTRIBUTION}[{self.name}]"]

    def missing(self, module: str) -> MissingTool:
        """Return the error for a module that could not be imported.

        The command names the packages and not `hil[tpm]`: an index may have another package of our name.
        """
        return MissingTool(
            f"{self.needed_by} need{'' if self.needed_by.endswith('s') else 's'} the Python package `{module}` of the "
            f"extra {DISTRIBUTION}[{self.name}], which is not installed",
            hint=shlex.join([sys.executable, "-m", "pip", "install", *self.requirements]),
        )


EXTRAS = (
    Extra("tpm", ("tpm2_pytss",), "TPM commands"),
    Extra("serve", ("starlette", "uvicorn"), "hil report --serve"),
)


def explained(error: BaseException) -> MissingTool | None:
    """Return what to do when `error`, or an error that caused it, is a missing module of an extra; None otherwise."""
    for cause in _chain(error):
        if isinstance(cause, MissingTool):
            return cause
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            module = cause.name.partition(".")[0]
            for extra in EXTRAS:
                if module in extra.modules:
                    return extra.missing(module)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
