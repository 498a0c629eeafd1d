from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.checkout import Checkout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A tree with one fake board, and the current directory in it."""
    checkout = Checkout(tmp_path)
    checkout.fill()
    monkeypatch.chdir(tmp_path)
    return checkout
