"""The entry point for pytest wherever hil is installed: loads our plugin for a tree that uses it, and nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from hil.settings import uses_hil

if TYPE_CHECKING:
    from types import ModuleType

PLUGIN = "hil.session.plugin"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Load the plugin before any conftest.py, so that these can use its fixtures and options."""
    if uses_hil(early_config.rootpath):
        manager = early_config.pluginmanager
        for module in plugin_modules():
            if not manager.has_plugin(module.__name__):
                manager.register(module, module.__name__)


def plugin_modules() -> list[ModuleType]:
    """Return all modules of the plugin, for `pytest.main`.

    pytest could load them by their names, but takes each name for a possible entry point, and reads the metadata of all
    installed distributions for it.
    """
    return [import_module(name) for name in (*import_module(PLUGIN).MODULES, PLUGIN)]
