"""Actions are told once, by the outermost of who takes part, and a test keeps the first and the last of them."""

from __future__ import annotations

import time
import timeit
from typing import TYPE_CHECKING

import pytest

from hil.account import Action, MonitorRequest, ServiceCall, TpmCommand, listen, telling, untold
from hil.errors import FirmwareError
from hil.record.account import FIRST, FIRST_OF_PASSED, GAP, LAST, LAST_OF_PASSED, Account

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def heard() -> Iterator[list[Action]]:
    actions: list[Action] = []
    stop = listen(actions.append)
    yield actions
    stop()


def test_what_lower_layers_do_is_part_of_an_action(heard: list[Action]) -> None:
    with telling(TpmCommand("1.0", b"command")) as told:
        with telling(MonitorRequest("run")):
            pass
        told.response = b"response"
    with telling(MonitorRequest("ping")):
        time.sleep(0.002)
    assert [type(action).__name__ for action in heard] == ["TpmCommand", "MonitorRequest"]
    assert heard[0] == told
    assert heard[1].seconds >= 0.002
    assert heard[1].began >= heard[0].began


def test_an_error_is_told_with_its_first_line_and_goes_on(heard: list[Action]) -> None:
    with pytest.raises(FirmwareError), telling(ServiceCall("m0", 1, ())):
        raise FirmwareError("it hangs", hint="look")
    with telling(MonitorRequest("ping")):
        pass
    assert [action.error for action in heard] == ["it hangs", ""]


def test_what_the_framework_does_by_itself_is_not_told(heard: list[Action]) -> None:
    with untold(), telling(MonitorRequest("ping")):
        pass
    assert not heard


def test_telling_costs_next_to_nothing_when_nobody_listens() -> None:
    """A request takes 100 microseconds at least; of two ways, the dearer one is compared to a bare call."""

    def tell() -> None:
        with telling(ServiceCall("m0", 1, (2, 3))):
            pass

    assert min(timeit.repeat(tell, number=1000, repeat=5)) / 1000 < 20e-6


def test_the_first_and_the_last_actions_are_kept_and_the_rest_is_counted() -> None:
    account = Account()
    for number in range(1000):
        request = MonitorRequest(f"request-{number}")
        request.began = 10.0 + number
        account.add(request)
    entries = account.entries(10.0)
    assert len(entries) == FIRST + 1 + LAST
    assert (entries[0].what, entries[0].at) == ("request-0", 0.0)
    assert (entries[FIRST].kind, entries[FIRST].what) == (GAP, f"{1000 - FIRST - LAST} actions left out")
    assert entries[-1].what == "request-999"
    passed = account.entries(10.0, passed=True)
    assert len(passed) == FIRST_OF_PASSED + 1 + LAST_OF_PASSED
    assert (passed[FIRST_OF_PASSED].kind, passed[-1].what) == (GAP, "request-999")


def test_a_line_says_when_how_long_and_whether_it_went_well() -> None:
    account = Account()
    call = ServiceCall("m0", 0x84000000, (), (0x10001, *[0] * 7))
    call.began, call.seconds = 1.5, 0.0021
    lost = ServiceCall("m0", 0x84000000, ())
    lost.began, lost.seconds, lost.error = 2.0, 31.0, "no answer"
    account.add(call)
    account.add(lost)
    assert [entry.line for entry in account.entries(1.0)] == [
        "    0.500 s    2.1 ms   EL2 CPU 0: PSCI_VERSION() -> 1.1",
        "    1.000 s   31.00 s ! EL2 CPU 0: PSCI_VERSION() -> no answer",
    ]
