from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hil.coverage.notes import Notes
from hil.firmware.crossmake import COMPILER

SOURCE = Path(__file__).parent / "counted.c"
PLACE = "services/spd/vtpm/core/counted.c"
OPTIONS = ("-c", "-Os", "-fno-inline", "-fprofile-arcs", "-ftest-coverage", "-fprofile-info-section")


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Notes:
    """gcc's notes about counted.c, as if that were part of the service; the object lies beside them."""
    directory = tmp_path_factory.mktemp("counted")
    source = directory / PLACE
    source.parent.mkdir(parents=True)
    shutil.copy(SOURCE, source)
    subprocess.run([COMPILER, *OPTIONS, PLACE, "-o", "counted.o"], cwd=directory, check=True, timeout=60)
    return Notes.read(directory / "counted.gcno")


@pytest.fixture
def lines() -> list[str]:
    """The lines of counted.c; the first one is at 1."""
    return ["", *SOURCE.read_text().splitlines()]
