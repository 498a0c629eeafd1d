"""Access to labgrid's environment. Without a board labgrid is not imported, as that takes a second."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from labgrid import Environment

ROLES = pytest.StashKey[dict[str, "Environment"]]()
"""The environments of boards that have roles, by role."""


def board_file(config: pytest.Config) -> Path | None:
    """Return the board file that labgrid was given, if any."""
    if not config.pluginmanager.hasplugin("labgrid"):
        return None
    given = config.getoption("lg_env") or os.environ.get("LG_ENV")
    return Path(given) if given else None


def environment(config: pytest.Config) -> Environment | None:
    """Return the environment that labgrid made from the board file, None without a board."""
    if board_file(config) is None:
        return None
    from labgrid.pytestplugin.hooks import LABGRID_ENV_KEY

    return config.stash.get(LABGRID_ENV_KEY, None)


def environments(config: pytest.Config) -> tuple[Environment, ...]:
    """Return the environments of all boards of the session: of those with roles, or of the only one."""
    if roles := config.stash.get(ROLES, None):
        return tuple(roles.values())
    only = environment(config)
    return (only,) if only else ()
