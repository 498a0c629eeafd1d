"""Collects suites in folders whose names pytest skips by default: a test that is not collected can never fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

SKIPPED_BY_DEFAULT = frozenset({"build", "dist", "venv"})
"""Names in pytest's default `norecursedirs` that a suite may well have: tests of the build, of a distribution."""
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"
"""The file that makes a directory a virtual environment (PEP 405)."""


@pytest.hookimpl(wrapper=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> Generator[None, bool | None, bool | None]:
    """Collect such a folder below the suites, unless the user's own configuration leaves it out."""
    ignored = yield
    if ignored and collection_path.name in SKIPPED_BY_DEFAULT and _only_by_default(collection_path, config):
        return None
    return ignored


def _only_by_default(folder: Path, config: pytest.Config) -> bool:
    """Whether nothing but the default of `norecursedirs` leaves out a folder of the suites."""
    suites = config.rootpath / Settings.from_directory(config.rootpath).suites
    is_default = set(config.getini("norecursedirs")) >= SKIPPED_BY_DEFAULT
    asked = not is_default or config.getoption("ignore") or config.getoption("ignore_glob")
    return folder.is_relative_to(suites) and not asked and not (folder / VIRTUAL_ENVIRONMENT).is_file()
