"""`python -m tools.nextversions`: run the tests that touch other projects' private parts with their next versions.

The plugin, the drivers and the SSH layer use parts of pytest, labgrid and paramiko that these do not promise to keep
(upper bounds in `pyproject.toml`). This tells before they are released, or before a bound is raised, what would break.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECTS = ("pytest", "labgrid", "paramiko")
ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "next"
TESTS = ("tests/board", "tests/lab", "tests/session")
INSTALL_SECONDS = 1800.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the environment anew and run the tests in it. Returns pytest's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.nextversions",
        description="Run tests with the next versions of pytest, labgrid and paramiko.",
        epilog="What else is given goes to pytest, in place of the usual folders.",
    )
    parser.add_argument("--keep", action="store_true", help="use the environment as the last run has left it")
    parser.add_argument(
        "--version",
        action="append",
        metavar="WHAT",
        help="what to install in place of the next versions, as pip takes it: pytest==8.4.2, or a folder",
    )
    options, passed = parser.parse_known_args(arguments)
    if not options.keep:
        prepare(PLACE, options.version or PROJECTS)
    report(versions(Path(sys.executable)), versions(PLACE / "bin" / "python"))
    # Programs that tests start, such as labgrid's exporter, must come from this environment, too.
    environment = {**os.environ, "PATH": f"{PLACE / 'bin'}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(PLACE)}
    command = [PLACE / "bin" / "python", "-m", "pytest", *(passed or TESTS)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def prepare(place: Path, wanted: Sequence[str]) -> None:
    """Make an environment with what is pinned, and then the newest of what is wanted, with what that needs."""
    venv.create(place, clear=True, symlinks=True, with_pip=True)
    _pip(place, "--require-hashes", "--requirement", str(ROOT / "requirements.lock"))
    _pip(place, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    # pip says that the new versions break the bounds of hil: that is what is to be tried, and no error.
    _pip(place, "--pre", "--upgrade", *wanted)


def versions(python: Path) -> dict[str, str]:
    """Return the versions of the projects that an interpreter finds."""
    program = f"from importlib.metadata import version\nfor name in {PROJECTS!r}: print(name, version(name))"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


def report(pinned: dict[str, str], tried: dict[str, str]) -> None:
    """Print what is tried: the pinned version where nothing newer is published."""
    for name in PROJECTS:
        new = tried[name] if tried[name] != pinned[name] else "the same, nothing newer is published"
        print(f"{name}: pinned {pinned[name]}, tried {new}", flush=True)


def _pip(place: Path, *arguments: str) -> None:
    command = [
        str(place / "bin" / "python"),
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "install",
        *arguments,
    ]
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
