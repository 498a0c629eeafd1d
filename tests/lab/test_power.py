"""Power switches on the network, as labgrid drives them, and as a board of ours notices that they lie."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from labgrid import Target
from labgrid.driver.power import netio_kshell
from labgrid.driver.powerdriver import NetworkPowerDriver
from labgrid.resource import NetworkPowerPort

from tests.simulators.power import FaultySwitch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVED_SECONDS = 20.0


class Bench:
    """Two boards on a power switch, which listens in a thread of its own."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.on = {1: False, 2: False}
        self.switch = FaultySwitch(self.on.__setitem__)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def http(self, outlet: int) -> NetworkPowerDriver:
        port = self._serve(self.switch.serve_http)
        return self._driver("rest", f"http://127.0.0.1:{port}/relay/{{index}}/value", outlet)

    def kshell(self, outlet: int) -> NetworkPowerDriver:
        self._patch.setattr(netio_kshell, "PORT", self._serve(self.switch.serve_kshell))  # labgrid allows no other
        return self._driver("netio_kshell", "127.0.0.1", outlet)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self, serve: Callable[[], object]) -> int:
        return int(asyncio.run_coroutine_threadsafe(serve(), self._loop).result(SERVED_SECONDS))  # type: ignore[arg-type]

    def _driver(self, model: str, host: str, outlet: int) -> NetworkPowerDriver:
        target = Target("board")
        NetworkPowerPort(target, name=None, model=model, host=host, index=str(outlet))
        driver = NetworkPowerDriver(target, name=None)
        target.activate(driver)
        return driver


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(monkeypatch)
    yield bench
    bench.close()


@pytest.mark.parametrize("kind", ["http", "kshell"])
def test_a_switch_switches_one_board(bench: Bench, kind: str) -> None:
    power = getattr(bench, kind)(outlet=2)
    power.on()
    assert (power.get(), bench.on) == (True, {1: False, 2: True})
    power.off()
    assert (power.get(), bench.on) == (False, {1: False, 2: False})


@pytest.mark.parametrize("kind", ["http", "kshell"])
def test_a_lying_switch_cannot_be_known_by_what_it_says(bench: Bench, kind: str) -> None:
    bench.switch.lies = True
    power = getattr(bench, kind)(outlet=1)
    power.on()
    assert (power.get(), bench.on[1]) == (True, False)
