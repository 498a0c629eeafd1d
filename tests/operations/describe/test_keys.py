"""Whatever may stand in a board file is described."""

from __future__ import annotations

from hil.operations.describe.keys import reference


def test_every_key_is_described() -> None:
    for part, keys in reference().items():
        for key in keys:
            assert key.meaning, f"{part}.{key.name}"
