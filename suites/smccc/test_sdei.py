"""The Software Delegated Exception Interface (DEN0054), where the firmware has it, and before anybody uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.smccc import SdeiCall, Status, signed

if TYPE_CHECKING:
    from hil.target.monitor import Monitor

SOFTWARE_EVENT = 0
"""DEN0054, "Event number": event 0 exists on each PE; software signals it by SDEI_EVENT_SIGNAL."""
NO_EVENT = 0x7FFF_FFFF
TYPE, SIGNALED = 0, 1
PRIVATE = 0
BIND_SLOTS = 0
NO_FEATURE = 0xFF


def sdei(monitor: Monitor, call: SdeiCall, *arguments: int) -> int:
    """Make a call; return its result."""
    return signed(monitor.smc(call, *arguments).x[0], 64)


def test_the_version_is_a_version(sdei_version: tuple[int, int]) -> None:
    """DEN0054, "SDEI_VERSION": bit 63 is zero; major number in bits 62:48, minor number in bits 47:32."""
    major, minor = sdei_version
    assert major == 1
    assert 0 <= minor < 100


@pytest.mark.usefixtures("sdei_version")
def test_slots_for_interrupts_are_counted(monitor: Monitor) -> None:
    """DEN0054, "SDEI_FEATURES": numbers of private and shared slots in bits 15:0 and 31:16; no other bits."""
    assert sdei(monitor, SdeiCall.SDEI_FEATURES, BIND_SLOTS) >> 32 == 0
    assert sdei(monitor, SdeiCall.SDEI_FEATURES, NO_FEATURE) == Status.INVALID_PARAMETERS


@pytest.mark.usefixtures("sdei_version")
def test_the_software_event_is_private_and_not_registered(monitor: Monitor) -> None:
    """DEN0054, "SDEI_EVENT_GET_INFO" and "SDEI_EVENT_STATUS"."""
    assert sdei(monitor, SdeiCall.SDEI_EVENT_GET_INFO, SOFTWARE_EVENT, TYPE) == PRIVATE
    assert sdei(monitor, SdeiCall.SDEI_EVENT_STATUS, SOFTWARE_EVENT) == 0


@pytest.mark.usefixtures("sdei_version")
@pytest.mark.parametrize(
    "call",
    [
        SdeiCall.SDEI_EVENT_ENABLE,
        SdeiCall.SDEI_EVENT_DISABLE,
        SdeiCall.SDEI_EVENT_STATUS,
        SdeiCall.SDEI_EVENT_UNREGISTER,
        SdeiCall.SDEI_EVENT_GET_INFO,
    ],
    ids=lambda call: call.name,
)
def test_an_event_that_does_not_exist_is_refused(monitor: Monitor, call: SdeiCall) -> None:
    """DEN0054, the calls' "Return codes": INVALID_PARAMETERS."""
    assert sdei(monitor, call, NO_EVENT) == Status.INVALID_PARAMETERS


@pytest.mark.usefixtures("sdei_version")
@pytest.mark.parametrize("call", [SdeiCall.SDEI_EVENT_ENABLE, SdeiCall.SDEI_EVENT_UNREGISTER], ids=lambda c: c.name)
def test_an_event_without_a_handler_is_left_alone(monitor: Monitor, call: SdeiCall) -> None:
    """DEN0054, "Event handler states": DENIED in the state "handler unregistered"."""
    assert sdei(monitor, call, SOFTWARE_EVENT) == Status.DENIED


@pytest.mark.usefixtures("sdei_version")
def test_a_context_can_be_read_only_by_a_handler(monitor: Monitor) -> None:
    """DEN0054, "SDEI_EVENT_CONTEXT": DENIED for who is not inside of a handler."""
    assert sdei(monitor, SdeiCall.SDEI_EVENT_CONTEXT, 0) == Status.DENIED


@pytest.mark.usefixtures("sdei_version")
def test_masking_says_whether_it_changed_anything(monitor: Monitor) -> None:
    """DEN0054, "SDEI_PE_MASK" and "SDEI_PE_UNMASK": 1 if this call masked the PE, 0 if it was masked before."""
    assert sdei(monitor, SdeiCall.SDEI_PE_UNMASK) == Status.SUCCESS
    assert sdei(monitor, SdeiCall.SDEI_PE_MASK) == 1
    assert sdei(monitor, SdeiCall.SDEI_PE_MASK) == 0


@pytest.mark.usefixtures("sdei_version")
def test_a_reset_without_events_succeeds(monitor: Monitor) -> None:
    """DEN0054, "SDEI_PRIVATE_RESET" and "SDEI_SHARED_RESET"."""
    assert sdei(monitor, SdeiCall.SDEI_PRIVATE_RESET) == Status.SUCCESS
    assert sdei(monitor, SdeiCall.SDEI_SHARED_RESET) == Status.SUCCESS
