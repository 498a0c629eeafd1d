"""What the client does before it talks to the board at all."""

from __future__ import annotations

import pytest

from hil.deadline import Deadline
from hil.errors import UsageError
from hil.target.monitor import Monitor, abi
from hil.target.monitor.link import Link


def answering(version: str, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    monkeypatch.setattr(Link, "ask", lambda *_args, **_options: version)
    return Monitor(None)  # type: ignore[arg-type]


def test_a_monitor_of_these_sources_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(f"{abi.AGENT_ABI_VERSION:x}", monkeypatch).wait_ready(Deadline.after(1))


@pytest.mark.parametrize("version", ["", "ffff"])
def test_a_monitor_of_other_sources_is_named_as_the_cause(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="ABI version") as caught:
        answering(version, monkeypatch).wait_ready(Deadline.after(1))
    assert "build and flash" in caught.value.context.hint
