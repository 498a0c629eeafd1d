"""Time limits hold whatever happens to the clock on the wall."""

from __future__ import annotations

import time

import pytest

from hil.deadline import Deadline

DAY = 86400.0


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_jump_of_the_clock_moves_no_deadline(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    soon, past = Deadline.after(60), Deadline.after(0)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + jump)
    assert 0 < soon.remaining <= 60
    assert (soon.expired, past.expired) == (False, True)
    assert soon.at_most(DAY) is soon
