"""Markers: what a test needs of a board, and what it proves."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.board.file.boardfile import BoardFile
from hil.errors import ExitCode
from hil.record import Case, Outcome
from hil.record.requirements import KINDS
from hil.session.plugin.environment import ROLES, environments
from hil.session.plugin.unsupported import Unsupported
from hil.spelling import misspelt

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Need:
    """A feature that a board file must name, with this value unless it is empty."""

    meaning: str
    feature: str
    value: str = ""

    def met_by(self, board: Mapping[str, str]) -> bool:
        """Whether a board with these features meets the need."""
        return self.feature in board and self.value in {"", board[self.feature]}

    def reason(self, board: Mapping[str, str], facts: Mapping[str, str]) -> str:
        """Return why a board does not meet the need: the hardware fact in its file, else the missing feature."""
        if fact := facts.get(self.feature, "").strip():
            return fact
        value = board.get(self.feature)
        return f"{self.feature} of this board is {value}" if value else f"this board has no {self.feature}"


NEEDS = {
    "protected_secure_space": Need("hardware that keeps secure memory from EL2 and EL1", "secure_space", "protected"),
    "host_memory_access": Need(
        "access to memory that does not go through the board's processors", "host_memory_access"
    ),
    "stage2_write_check": Need("AT S12E1W that survives a stage-2 permission fault", "stage2_write_check"),
    "device_alignment": Need("processors that refuse unaligned accesses to device memory", "device_alignment"),
    "vectors": Need("processors with SVE and SME", "vectors"),
    "devicetree": Need("a device tree at a known address", "devicetree"),
    "snapshots": Need("a state after boot that every test starts from", "snapshots"),
    "linux": Need("Linux with KVM instead of the bare-metal monitor", "linux"),
    "guest_images": Need("a kernel in memory that the monitor can boot in a VM", "guest_images"),
}
"""The names for `needs_<name>` and `fails_without(<name>)`."""

OWNER = "owner"
"""The marker that says who looks after a test."""
OURS = (*(f"needs_{name}" for name in NEEDS), "fails_without", *KINDS, OWNER, "cold_boot", "state", "boards")
"""All markers of ours."""
CHECKED_ALONE = ("fails_without", "boards")
"""Markers that may be wrong although their names are right."""

UNSUPPORTED = pytest.StashKey[str]()
"""Why the board does not support a test."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for name, need in NEEDS.items():
        config.addinivalue_line("markers", f"needs_{name}: needs {need.meaning}; skipped on a board without")
    for line in (
        "fails_without(name): is expected to fail on a board that lacks what needs_<name> asks for",
        "element(name): the element of the method, E1 to E8, that the test proves",
        "threat(row): the row of the security checklist that the test covers",
        "state(name): the state of the board file in which the fixture console is wanted",
        "requirement(name): a requirement of yours that the test shows, such as REQ-12; all three may have several",
        "owner(name): who looks after the test; the page of a run can show theirs alone",
        "boards(*roles): the test uses several boards together, by these roles",
        "cold_boot: the test boots the board itself, instead of starting from the state after boot",
    ):
        config.addinivalue_line("markers", line)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that the board does not support, and those that its hardware makes fail."""
    declared = {re.split(r"[:(]", line)[0].strip() for line in config.getini("markers")}
    for item in items:
        _check_markers(item, declared)
    used = [BoardFile.of_environment(env) for env in environments(config)]
    if not used:
        return
    roles = config.stash.get(ROLES, {})
    for item in items:
        if reason := _lacks_roles(item, roles):
            item.stash[UNSUPPORTED] = reason
        for board in used:
            _apply(item, board)


def _apply(item: pytest.Item, board: BoardFile) -> None:
    """Skip a test that a board does not support, and expect the failures that its hardware makes certain."""
    if board.suites and Case(item.nodeid, Outcome.SKIPPED).subject not in board.suites:
        item.stash[UNSUPPORTED] = f"this board is for {', '.join(board.suites)}"
    for mark in list(item.iter_markers()):
        if mark.name.startswith("needs_"):
            need = NEEDS[mark.name.removeprefix("needs_")]
            if not need.met_by(board.features):
                item.stash.setdefault(UNSUPPORTED, need.reason(board.features, board.facts))
        elif mark.name == "fails_without":
            need = NEEDS[mark.args[0]]
            if not need.met_by(board.features):
                item.add_marker(pytest.mark.xfail(reason=need.reason(board.features, board.facts), strict=True))


def _lacks_roles(item: pytest.Item, roles: Mapping[str, object]) -> str:
    """Return why a test cannot run with the boards of these roles, empty if it can."""
    wanted = [str(role) for mark in item.iter_markers("boards") for role in mark.args]
    if not wanted:
        return f"it is for one board, and this run has boards by role: {', '.join(roles)}" if roles else ""
    if missing := [role for role in wanted if role not in roles]:
        how = " ".join(f"--board {role}=NAME" for role in wanted)
        return f"it needs several boards at once, and there is none for {' and '.join(missing)}: hil run {how}"
    return ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that the board does not support."""
    if reason := item.stash.get(UNSUPPORTED, ""):
        raise Unsupported(reason)


def _check_markers(item: pytest.Item, declared: set[str]) -> None:
    """End the session for a marker that cannot mean what it says: the test would run, or be skipped, for no reason."""
    for mark in item.iter_markers():
        name = mark.name.removeprefix("needs_")
        if mark.name == "boards" and not (mark.args and all(isinstance(role, str) for role in mark.args)):
            _refuse(item, 'the marker boards takes the names of roles: boards("client", "server")')
        if mark.name == "fails_without":
            name = str(mark.args[0]) if mark.args else ""
        elif mark.name == name:
            if name not in declared and (near := misspelt(name, OURS)):
                _refuse(item, f"there is no marker {name}; did you mean `{near}`?")
            continue
        if name not in NEEDS:
            known = difflib.get_close_matches(name, NEEDS, n=1) or list(NEEDS)
            _refuse(item, f"a marker names the unknown need {name}; try {' or '.join(known)}")


def _refuse(item: pytest.Item, why: str) -> None:
    path, line, _ = item.location
    pytest.exit(f"{path}:{(line or 0) + 1}: {why}", ExitCode.USAGE)
