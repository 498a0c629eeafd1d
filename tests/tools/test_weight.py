"""The weight of a record is told by board, and too much of it fails `make test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import ExitCode
from hil.record import Attempt, BoardOfRun, Case, Outcome, Provenance, Run, load
from tools import weight

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def record(reports: Path) -> Path:
    """Write a run on two boards, three tests to one, each with a console of 1000 bytes."""
    run = Run(reports, *(BoardOfRun(name, Provenance()) for name in ("qemu-virt", "juno")))
    for number, board in enumerate(("qemu-virt", "qemu-virt", "qemu-virt", "juno")):
        attempt = Attempt(1, Outcome.PASSED, board=board, seat=f"{board}-1")
        run.add(Case(f"suites/a.py::test[{number}]", Outcome.PASSED, board=board, attempts=(attempt,)))
    run.finish(ExitCode.PASSED)
    for name in ("qemu-virt-1", "juno-1"):
        (run.path / name).mkdir()
        (run.path / name / "monitor.log").write_bytes(bytes(1000))
    return run.path


def test_a_board_has_its_files_and_its_share_of_the_common_ones(tmp_path: Path) -> None:
    run = record(tmp_path)
    files = {path.relative_to(run): path.stat().st_size for path in run.rglob("*") if path.is_file()}
    common = sum(files.values()) - 2000
    found = weight.by_board(load(run), files)
    assert found == {"qemu-virt": 1000 + common * 3 // 4, "juno": 1000 + common // 4}


def test_too_much_is_said_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = record(tmp_path)
    assert weight.main(run) == 0
    monkeypatch.setattr(weight, "MOST_BYTES", 1000)
    assert weight.main(run) == 1
    assert "the record of qemu-virt is larger than" in capsys.readouterr().out
    assert weight.main(tmp_path / "nothing") == 3
