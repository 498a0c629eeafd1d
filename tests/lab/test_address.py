"""Addresses of labs as people write them, with IPv6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.cli.lab import find
from hil.errors import UsageError
from hil.lab.address import LabAddress
from hil.lab.client import KeeperConnection, status
from hil.lab.errors import LabUnreachable
from hil.lab.tls import SWITCH, LabTls

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "host", "port", "written"),
    [
        ("lab.example", "lab.example", 20408, "lab.example:20408"),
        ("lab.example:4000", "lab.example", 4000, "lab.example:4000"),
        ("192.0.2.1:4000", "192.0.2.1", 4000, "192.0.2.1:4000"),
        ("[::1]:4000", "::1", 4000, "[::1]:4000"),
        ("[::1]", "::1", 20408, "[::1]:20408"),
        ("::1", "::1", 20408, "[::1]:20408"),
        ("fd00::5", "fd00::5", 20408, "[fd00::5]:20408"),
        ("fe80::1%eth0", "fe80::1%eth0", 20408, "[fe80::1%eth0]:20408"),
    ],
)
def test_an_address_is_read_and_written(text: str, host: str, port: int, written: str) -> None:
    address = LabAddress.parse(text)
    assert (address.host, address.port, str(address)) == (host, port, written)
    assert LabAddress.parse(str(address)) == address
    assert address.keeper == LabAddress(host, port + 1)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":4000", "lab:", "lab:x", "lab:0", "lab:65535", "lab:-1", "lab:٤", "two words"),
        *("[lab]:4000", "[::1", "::1]", "[::1]4000", "::1:20408", "a:b:c", "http://lab:4000", "user@lab:4000"),
    ],
)
def test_what_is_no_address_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError, match="is no address of a coordinator") as caught:
        LabAddress.parse(text)
    assert "[ADDRESS]:PORT" in caught.value.context.hint


def test_a_name_that_does_not_resolve_is_named_with_where_it_comes_from() -> None:
    with pytest.raises(LabUnreachable, match=r"no-such-lab\.invalid, does not resolve") as caught:
        status(LabAddress.parse("no-such-lab.invalid:4000"))
    assert "LG_COORDINATOR names it" in caught.value.context.hint


def test_a_keeper_that_is_away_is_named_by_its_address() -> None:
    with pytest.raises(LabUnreachable, match=r"there is no keeper at \[::1\]:3"):
        KeeperConnection(LabAddress.parse("[::1]:2"))


def test_a_local_lab_has_no_tls_whatever_the_users_other_lab_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.setattr("hil.lab.local.running_lab", lambda _: LabAddress("127.0.0.1"))
    monkeypatch.setenv("LG_COORDINATOR", "lab.example")
    assert (str(find(None)), LabTls.from_environment()) == ("lab.example:20408", LabTls())
    assert (str(find(None, tmp_path)), LabTls.from_environment()) == ("127.0.0.1:20408", None)
