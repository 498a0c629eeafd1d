"""`hil build` builds for one platform, or for all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import hil.board.builds
import hil.firmware
from hil import cli
from hil.firmware.firmware import Firmware
from hil.manifest import GitState

if TYPE_CHECKING:
    from pathlib import Path

ALL = [*hil.firmware.PLATFORMS]


@pytest.mark.parametrize(
    ("options", "built"), [((), ["qemu-virt"]), (("--platform", "juno"), ["juno"]), (("--all",), ALL)]
)
def test_one_platform_is_built_or_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    options: tuple[str, ...],
    built: list[str],
) -> None:
    asked = []

    def build(platform: str) -> Firmware:
        asked.append(platform)
        return Firmware(platform, {}, {}, {}, GitState())

    monkeypatch.setattr(hil.board.builds, "build", build)
    monkeypatch.setattr(hil.board.builds, "has_linux", lambda _: False)
    monkeypatch.setattr(hil.firmware, "build_directory", lambda platform: tmp_path / platform)
    monkeypatch.setattr("sys.argv", ["hil", "build", "--json", *options])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    assert asked == built
    manifests = json.loads(capsys.readouterr().out)
    told = manifests.values() if "--all" in options else [manifests]
    assert [manifest["platform"] for manifest in told] == built
