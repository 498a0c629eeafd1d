"""Running tests in the scratch tree under a time limit, and reading from their JUnit file what they found."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
from junitparser import Error, Failure, JUnitXml, Skipped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.mutants.tree import Tree

_TAIL_LINES = 8
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_KILL_SECONDS = 10.0
_BURY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """What one run of tests found. `report` is false when it left no JUnit file, so that nobody knows what ran."""

    seconds: float
    status: int
    timed_out: bool
    report: bool
    passed: int = 0
    failed: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    tail: str = ""

    @property
    def green(self) -> bool:
        """Whether something ran, and all of it passed."""
        return self.status == 0 and self.passed > 0 and not (self.failed or self.errors or self.timed_out)


def adopt_orphans() -> None:
    """Become the parent of processes that lose theirs.

    Some mutants break the very code that ends a process. What they leave behind must be found and killed after the
    trial, and a grandchild whose parent is gone would otherwise belong to init.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run_tests(tree: Tree, tests: Sequence[str], seconds: float, log: Path) -> Trial:
    """Run a pytest selection of `tests/` in the tree until the first failure."""
    junit = tree.outside / "junit.xml"
    junit.unlink(missing_ok=True)
    command = [tree.program("python"), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += [f"--junitxml={junit}", f"--basetemp={tree.outside / 'tmp'}", *tests]
    return _run(tree, command, seconds, log, junit)


def run_suites(tree: Tree, board: str, suites: Sequence[str], seconds: float, log: Path) -> Trial:
    """Build the firmware of the tree and run suites on a board until the first failure."""
    latest = tree.path / "reports" / "latest"
    latest.unlink(missing_ok=True)  # a link to the record of the run before; without a new one, nothing ran
    command = [tree.program("hil"), "run", "--board", board, "--no-linux", "-x", *suites]
    return _run(tree, command, seconds, log, latest / "junit.xml")


def _run(tree: Tree, command: Sequence[str], seconds: float, log: Path, junit: Path) -> Trial:
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=tree.path,
            env=os.environ | {"COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = _wait(process, seconds)
            timed_out = False
        except subprocess.TimeoutExpired:
            status, timed_out = -1, True
        finally:
            _kill_children()
            process.wait(_KILL_SECONDS)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    elapsed = time.monotonic() - started
    if timed_out or not junit.is_file():
        return Trial(elapsed, status, timed_out, report=False, tail=tail)
    passed, failed, errors = _counted(junit)
    return Trial(elapsed, status, timed_out, True, passed, failed, errors, tail)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Return the status of a process that ends within `seconds`, and bury the orphans that end before it.

    A test that waits for the end of a process sees it as long as its parent, which this one has become, leaves it dead
    and adopted. Raises `subprocess.TimeoutExpired`.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return process.wait(min(_BURY_SECONDS, max(end - time.monotonic(), 0.0)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
        for child in psutil.Process().children():
            if child.pid != process.pid and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def _kill_children() -> None:
    """Kill whatever this process has started, directly or not, and is still running."""
    for _ in range(5):  # a process that is being killed can have started another one in that moment
        children = psutil.Process().children(recursive=True)
        if not children:
            return
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=_KILL_SECONDS / 5)


def _counted(junit: Path) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Return how many tests passed, and the names of those that failed and of those that met an error."""
    passed = 0
    failed: list[str] = []
    errors: list[str] = []
    for suite in JUnitXml.fromfile(str(junit)):
        for case in suite:
            kinds = [type(result) for result in case.result]
            if Failure in kinds:
                failed.append(str(case.name))
            elif Error in kinds:
                errors.append(str(case.name))
            elif Skipped not in kinds:
                passed += 1
    return passed, tuple(failed), tuple(errors)
