"""`hil run --pool` over labgrid's exporter, with its own ser2net: RFC2217, which is what labgrid speaks by default."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.board.drivers.portlock import users
from hil.lab.address import LabAddress
from tests.lab.exporter.reallab import RealLab, free_port, until
from tests.lab.exporter.sshserver import NAME, RealSshServer

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


def test_a_board_is_driven_through_ssh_at_a_lab_that_only_the_gateway_reaches(lab: RealLab, tmp_path: Path) -> None:
    lab.await_good()
    with RealSshServer.up(tmp_path / "ssh") as gateway:
        done = lab.hil("run", "--pool", "board=bench", LG_PROXY=NAME, **gateway.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        # Coordinator, keeper, power switch and serial port, each through the gateway.
        assert {lab.address.port, lab.address.keeper.port, lab.bench.port} < gateway.forwarded()
    assert lab.place().state == "free"


def test_a_gateway_that_does_not_let_us_in_is_named_with_what_ssh_says(lab: RealLab, tmp_path: Path) -> None:
    with RealSshServer.up(tmp_path / "ssh") as gateway:
        (gateway.directory / "authorized_keys").write_text("")
        done = lab.hil("lab", "status", LG_PROXY=NAME, **gateway.environment)
    assert done.returncode == 3
    assert f"cannot log in to {NAME}" in done.stderr
    assert "Permission denied (publickey" in done.stderr
    assert f"`ssh {NAME} true` must work" in done.stderr


def test_a_run_drives_a_board_of_a_lab_that_has_addresses_of_ipv6_alone(tmp_path: Path) -> None:
    address = LabAddress("::1", free_port("::1"))
    with RealLab.up(tmp_path, address=address, hostname="::1") as lab:
        lab.await_good()
        done = lab.hil("run", "--pool", "board=bench")
        assert done.returncode == 0, done.stdout + done.stderr
        assert lab.place().state == "free"


def test_a_port_that_appears_with_the_boards_power_is_opened_through_the_exporter(
    lab: RealLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter on the board itself: the exporter's ser2net serves a path that leads nowhere until there is power."""
    name, switch = "bench-3", lab.bench._switch
    port = Path("/dev/shm", f"ttyOnTheBoard{os.getpid()}")  # labgrid takes nothing outside of /dev
    target = lab.bench.wire.link.readlink()

    def switched(on: bool) -> None:
        port.unlink(missing_ok=True)
        if on:
            port.symlink_to(target)
            threading.Thread(target=boot).start()
        else:
            switch(False)

    def boot() -> None:
        """Boot as a board does that takes longer than its adapter: what it says before the port is open is lost."""
        until(lambda: users(str(target)), "ser2net has opened the port")
        time.sleep(1.0)
        switch(True)

    monkeypatch.setattr(lab.bench, "_switch", switched)
    exports = {**lab.bench.exports, "monitor": {**lab.bench.exports["monitor"], "port": str(port)}}
    lab.export({name: exports}, name="appearing")
    try:
        lab.tag(name, "with_power=monitor")
        lab.write_tree(board={"with_power": ["monitor"], "patience": 20})
        lab.await_good(name)
        done = lab.hil("run", "--pool", f"board=bench name={name}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert not port.is_symlink(), "the board is off"
    finally:
        port.unlink(missing_ok=True)
        lab.write_tree()
        lab.end("appearing")


def test_an_exporter_whose_name_does_not_resolve_is_named_by_keeper_and_run_alike(lab: RealLab) -> None:
    """The keeper opens the port as a run would: it takes the board out of the pool before anybody gets it."""
    name = "bench-2"
    lab.export({name: lab.bench.exports}, hostname="no-such-exporter.invalid", name="misnamed")
    try:
        lab.await_health(lambda place: place.health == "sick", name)
        assert "the host name no-such-exporter.invalid does not resolve" in lab.place(name).why
        assert "start it with --hostname" in lab.place(name).why
        done = lab.hil("run", "--pool", f"board=bench name={name}")
        assert done.returncode == 3
        assert "no-such-exporter.invalid does not resolve" in done.stdout + done.stderr
    finally:
        lab.end("misnamed")
