from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hil.errors import UsageError
from hil.firmware.cache import exclusive
from hil.firmware.errors import BuildBusy
from hil.paths import cache_root

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from hil.firmware.cache import exclusive
with exclusive(Path(sys.argv[1]), "testing"):
    print("held", flush=True)
    sys.stdin.read()
"""
COUNTER = """
import sys
from pathlib import Path
from hil.firmware.cache import exclusive
directory = Path(sys.argv[1])
for _ in range(50):
    with exclusive(directory, "testing"):
        count = int((directory / "count").read_text())
        (directory / "count").write_text(str(count + 1))
"""


def start(script: str, directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def hold(directory: Path) -> subprocess.Popen[str]:
    holder = start(HOLDER, directory)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return holder


def test_builds_at_the_same_time_take_turns(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    both = [start(COUNTER, tmp_path) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in both] == ["", ""]
    assert (tmp_path / "count").read_text() == "100"


def test_a_build_waits_for_another_only_so_long(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    with pytest.raises(BuildBusy, match="another process has held"), exclusive(tmp_path, "testing", seconds=0.2):
        pass
    holder.communicate(timeout=30)


def test_a_killed_build_holds_up_nobody(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    holder.kill()
    holder.communicate(timeout=30)
    with exclusive(tmp_path, "testing", seconds=5):
        pass


def test_a_cache_that_cannot_be_written_is_the_users_to_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="cannot write to") as refused, exclusive(cache_root(), "testing"):
        pass
    assert "HIL_CACHE" in refused.value.context.hint


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("HIL_CACHE", raising=False)
    assert cache_root() == tmp_path / "xdg" / "hil"
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "own"))
    assert cache_root() == tmp_path / "own"
