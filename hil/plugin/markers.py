"""Markers: what a test needs of a board, and what it proves."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pytest

from hil.plugin.environment import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDS = {
    "needs_protected_secure_space": "secure memory that the hardware keeps from EL2 and EL1",
    "needs_host_memory_access": "a look at the machine's memory, secure memory too, that does not go through its CPUs",
    "needs_linux": "Linux with KVM instead of the bare-metal monitor",
}
"""Each marker and the feature behind it; the name of the feature in a board file is the rest of the marker's name."""

CLAIMS = {
    "element(name)": "the element of the method, E1 to E8, that the test proves",
    "threat(row)": "the row of the security checklist that the test covers",
    "cold_boot": "the test boots the board itself, instead of starting from a snapshot",
}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for name, feature in NEEDS.items():
        config.addinivalue_line("markers", f"{name}: needs {feature}; skipped on a board without")
    for name, meaning in CLAIMS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.addinivalue_line(
        "markers",
        "fails_without(feature): is expected to fail on a board without the feature, for the reason in the board file",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what the board cannot run, and expect the failures that its hardware explains."""
    env = environment(config)
    if env is None:
        return
    features = env.get_features() | env.get_target_features()
    reasons = env.config.get_option("lacks", {})
    for item in items:
        for mark in item.iter_markers():
            if mark.name.startswith("needs_") and (feature := _known(mark.name)) not in features:
                item.add_marker(pytest.mark.skip(reason=_reason(feature, reasons)))
        for mark in item.iter_markers("fails_without"):
            if (feature := mark.args[0]) not in features:
                item.add_marker(pytest.mark.xfail(reason=_reason(feature, reasons), strict=True))


def _known(marker: str) -> str:
    if marker not in NEEDS:
        near = difflib.get_close_matches(marker, NEEDS, n=1)
        raise pytest.UsageError(
            f"unknown marker {marker}; " + (f"{near[0]}?" if near else f"known: {', '.join(NEEDS)}")
        )
    return marker.removeprefix("needs_")


def _reason(feature: str, reasons: Mapping[str, str]) -> str:
    return reasons.get(feature) or f"the board has no {feature.replace('_', ' ')}"
