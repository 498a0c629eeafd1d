"""Coverage as it is counted at EL3 on QEMU."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from labgrid import Environment

from hil.board.file.boardfile import BoardFile
from hil.coverage.board import counting
from hil.coverage.image import InstrumentedImage
from hil.coverage.lines import Lines, add_lines
from hil.firmware import build, load
from hil.paths import HIL
from hil.target.vtpm import Service

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.emulator

ROOT = Path(__file__).parents[2]
BOARD = "qemu-virt"
SOME, MORE = "suites/service", "suites/queue/test_mapping.py::test_a_closed_queue_is_not_confirmed"
DISPATCH, QUEUE = "firmware/service/core/dispatch.c", "firmware/service/core/queue.c"

Counts = dict[tuple[str, str], int]
"""By path and line."""


@pytest.fixture(scope="module")
def image() -> InstrumentedImage:
    return InstrumentedImage.read(build(BOARD, coverage=True).path("bl31.elf").parent)


@pytest.fixture(scope="module")
def count(image: InstrumentedImage, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Counts]:  # noqa: ARG001
    """Run suites and return what they covered."""

    def run(*suites: str) -> Counts:
        reports = tmp_path_factory.mktemp("reports")
        command = [*HIL, "run", "--coverage", "--board", BOARD, "--no-build", f"--hil-reports={reports}", *suites]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads((reports / "latest" / "coverage.json").read_text())
        assert f"coverage of firmware/service: {report['covered']} of {report['lines']} lines" in done.stdout
        return {(file["path"], line): number for file in report["files"] for line, number in file["counts"].items()}

    return run


@pytest.fixture(scope="module")
def both(count: Callable[..., Counts]) -> Counts:
    return count(SOME, MORE)


def test_one_call_counts_once(image: InstrumentedImage) -> None:
    env = Environment(str(counting(BoardFile.read(ROOT / "boards" / f"{BOARD}.yaml")).path))
    try:
        target = env.get_target("main")
        strategy = target.get_driver("BoardStrategy", activate=False)
        strategy.transition("monitor")
        memory = target.get_driver("HilQEMUDriver").host_memory()
        assert image.is_in(memory)

        def calls() -> int:
            lines: Lines = {}
            add_lines(lines, image.notes, image.read_counters(memory))
            return lines[DISPATCH].functions["call_limits"][1]

        assert calls() == 0
        Service(strategy.shell.monitor).limits()
        assert calls() == 1
    finally:
        env.cleanup()


def test_two_runs_of_the_same_suites_count_the_same(both: Counts, count: Callable[..., Counts]) -> None:
    assert count(SOME, MORE) == both


def test_leaving_out_a_suite_loses_its_lines_and_only_those(both: Counts, count: Callable[..., Counts]) -> None:
    fewer = count(SOME)
    covered = {line for line, number in both.items() if number}
    still = {line for line, number in fewer.items() if number}
    assert fewer.keys() == both.keys()
    assert still < covered
    assert {path for path, _ in covered - still} >= {QUEUE}


def test_the_firmware_that_is_tested_otherwise_has_no_trace_of_it() -> None:
    with load(BOARD).path("bl31.elf").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        names = [symbol.name for symbol in table.iter_symbols()]
    assert "vtpm_dispatch" in names
    assert not [name for name in names if "gcov" in name]
