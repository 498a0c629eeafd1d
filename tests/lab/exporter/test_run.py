"""`hil run --pool` over labgrid's exporter, with its own ser2net: RFC2217, which is what labgrid speaks by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.exporter.reallab import RealLab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLab]:
    with RealLab.up(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def test_a_run_drives_a_board_behind_an_exporter_and_leaves_it_off_and_free(lab: RealLab) -> None:
    lab.await_good()
    done = lab.hil("run", "--pool", "board=bench")
    assert done.returncode == 0, done.stdout + done.stderr
    (case,) = lab.record()["cases"]
    assert case["outcome"] == "passed"
    assert lab.bench.board.executed[-1] == "hello"
    assert not lab.bench.board.running
    assert lab.place().state == "free"
