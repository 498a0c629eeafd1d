"""Builds the documentation site, once for all tests that look at it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(tree: Path, into: Path, *, reference: bool = True) -> subprocess.CompletedProcess[str]:
    """Build the site of `tree` in the directory `into`, as `make docs` does; `reference` is the API's."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(into)],
        cwd=tree,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "API_REFERENCE": str(reference).lower()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation site of this tree."""
    made = tmp_path_factory.mktemp("site")
    done = build(ROOT, made)
    assert done.returncode == 0, done.stdout + done.stderr
    return made
