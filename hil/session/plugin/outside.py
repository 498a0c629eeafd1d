"""Names tests outside of the tree by their way from its root, where pytest would leave out most of their path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Make a module outside of the tree with an id of its own, with which those of its tests begin."""
    root = parent.config.rootpath
    if module_path.is_relative_to(root):
        return None
    id = Path(os.path.relpath(module_path, root)).as_posix()
    module: pytest.Module = pytest.Module.from_parent(parent, path=module_path, nodeid=id)
    return module
