"""The entry point for pytest wherever hil is installed: loads our plugin for a tree that uses it, and nothing else."""

from __future__ import annotations

import pytest

from hil.settings import uses_hil


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Load the plugin before any conftest.py, so that these can use its fixtures and options."""
    if uses_hil(early_config.rootpath):
        early_config.pluginmanager.import_plugin("hil.session.plugin")
