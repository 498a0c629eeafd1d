"""labgrid's environment, where there is one; labgrid is not imported otherwise."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from labgrid import Environment


def board_file(config: pytest.Config) -> Path | None:
    """Return the board file that labgrid was given, if any."""
    if not config.pluginmanager.hasplugin("labgrid"):
        return None
    given = config.getoption("lg_env") or os.environ.get("LG_ENV")
    return Path(given) if given else None


def environment(config: pytest.Config) -> Environment | None:
    """Return the environment that labgrid made of the board file; None without a board."""
    if board_file(config) is None:
        return None
    from labgrid.pytestplugin.hooks import LABGRID_ENV_KEY

    return config.stash.get(LABGRID_ENV_KEY, None)


def features(env: Environment) -> dict[str, str]:
    """Return what a board file says about its board, such as `secure_space: protected`.

    A feature that is only listed, in labgrid's plain way, has an empty value.
    """
    data = env.config.data
    found: dict[str, str] = {}
    for section in (data, *(data.get("targets") or {}).values()):
        listed = section.get("features") or {}
        found |= listed if isinstance(listed, dict) else dict.fromkeys(listed, "")
    return found
