"""The causes that a platform adds belong to stages which its boards have, and are named where that stage is missed."""

from __future__ import annotations

import pytest
import yaml

from hil.errors import BoardSilent
from hil.firmware.platforms import PLATFORMS
from hil.operations.bringup.diagnosis import Stop, diagnose
from hil.operations.bringup.stages import SERIAL, BringUpStage
from hil.operations.bringup.traps import TRAPS
from tests.cli.checkout import ROOT


def stages_of_boards(platform: str) -> set[str]:
    """Return the stages that any board file of a platform has a banner for, and the serial line."""
    found = {SERIAL.name}
    for path in (ROOT / "boards").glob(f"{platform}*.yaml"):
        content = yaml.safe_load(path.read_text().replace("!template", ""))
        if (content.get("options") or {}).get("platform") == platform:
            (plan,) = (entry for entry in content["targets"]["main"]["drivers"] if "BoardStrategy" in entry)
            found |= {line["stage"] for state in plan["BoardStrategy"]["states"].values() for line in state["banners"]}
    return found


@pytest.mark.parametrize("platform", TRAPS)
def test_each_trap_is_before_a_stage_of_a_board_of_its_platform(platform: str) -> None:
    assert platform in PLATFORMS
    assert set(TRAPS[platform]) <= stages_of_boards(platform)


@pytest.mark.parametrize(("platform", "stage"), [(platform, stage) for platform in TRAPS for stage in TRAPS[platform]])
def test_the_traps_of_a_platform_come_before_the_usual_causes(platform: str, stage: str) -> None:
    usual = SERIAL.causes
    causes = diagnose(Stop(BringUpStage(stage, "", usual), BoardSilent("nothing came"), None, platform=platform))
    assert causes == (*TRAPS[platform][stage], *usual)
    assert all(cause.why and cause.attempt for cause in causes)
