"""An engine that fails when its instance is made, moved or reset, and not at a command, is stopped as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Program, r
from hil.target.tpm import commands
from hil.target.vtpm import Reply, ServiceError, Status, abi
from suites.isolation import engine_patch as patch
from suites.isolation.occupancy import busy

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import HostMemory, MakeManagedVtpm
    from hil.target.monitor import Pending
    from hil.target.vtpm import ManagedQueue, Service

TIMEOUT = 120.0
LARGEST_IMAGE = 0x40000
"""As large as the staging area of the engine, and so all that the service takes."""
ATTEMPTS = 3

pytestmark = [pytest.mark.needs_host_memory_access, pytest.mark.threat(10), pytest.mark.element("E3")]


@pytest.fixture
def fail_on(host_memory: HostMemory, engine_layout: patch.EngineLayout) -> Callable[[str], None]:
    """Let the engine fail from now on whenever it is asked for an operation."""
    return engine_layout.plant_on_operation(host_memory, patch.BREAKPOINT)


@pytest.fixture
def claim_large_images_on(host_memory: HostMemory, engine_layout: patch.EngineLayout) -> Callable[[str], None]:
    """Let the engine say from now on, when it is asked for an operation, that its image is a large one."""
    return engine_layout.plant_on_operation(host_memory, *patch.claim_an_image(LARGEST_IMAGE))


def works(vtpm: ManagedQueue) -> bool:
    return commands.submit(vtpm, commands.startup()).code in (commands.SUCCESS, commands.RC_INITIALIZE)


def test_what_cannot_be_made_leaves_nothing_behind(
    service: Service, fail_on: Callable[[str], None], make_vtpm: MakeManagedVtpm
) -> None:
    before = service.limits()
    fail_on("MANUFACTURE")
    with pytest.raises(ServiceError) as refusal:
        make_vtpm()
    assert refusal.value.status is Status.ENGINE_FAILED
    assert service.limits() == before


def test_an_ephemeral_instance_that_cannot_be_made_anew_fails_until_it_can(
    fail_on: Callable[[str], None], make_vtpm: MakeManagedVtpm
) -> None:
    vtpm = make_vtpm(persistent=False)
    fail_on("MANUFACTURE")
    with pytest.raises(ServiceError) as refusal:
        vtpm.instance.reset()
    assert refusal.value.status is Status.ENGINE_FAILED
    assert vtpm.instance.info().state == abi.VTPM_STATE_FAILED
    fail_on("NONE")
    vtpm.instance.reset()
    assert works(vtpm)


@pytest.mark.usefixtures("monitor")
def test_a_persistent_instance_that_cannot_be_reset_has_failed(
    fail_on: Callable[[str], None], make_vtpm: MakeManagedVtpm
) -> None:
    vtpm, neighbour = make_vtpm(persistent=True), make_vtpm(persistent=True)
    fail_on("RESET")
    with pytest.raises(ServiceError) as refusal:
        vtpm.instance.reset()
    assert refusal.value.status is Status.ENGINE_FAILED
    assert vtpm.instance.info().state == abi.VTPM_STATE_FAILED
    assert works(neighbour)


def test_an_instance_that_cannot_be_moved_out_fails_and_its_window_goes_to_another(
    service: Service, fail_on: Callable[[str], None], make_vtpm: MakeManagedVtpm
) -> None:
    oldest, *others = [make_vtpm() for _ in range(service.memory().windows)]
    fail_on("SUSPEND")
    new = make_vtpm()
    assert oldest.instance.info().state == abi.VTPM_STATE_FAILED
    assert all(works(vtpm) for vtpm in (*others, new))


def test_an_instance_that_cannot_be_brought_back_fails_alone(
    service: Service, fail_on: Callable[[str], None], make_vtpm: MakeManagedVtpm
) -> None:
    oldest, second, *others = [make_vtpm() for _ in range(service.memory().windows + 1)]
    fail_on("RESUME")
    oldest.place(0, commands.startup())
    assert oldest.submit(1).status is Status.ENGINE_FAILED
    assert oldest.instance.info().state == abi.VTPM_STATE_FAILED
    assert all(works(vtpm) for vtpm in others)
    fail_on("NONE")
    assert works(second)


def test_an_instance_without_room_to_sleep_stays_and_keeps_no_other_from_running(
    service: Service, claim_large_images_on: Callable[[str], None], make_vtpm: MakeManagedVtpm
) -> None:
    """Only when nobody in a window has room to sleep, a new one says so; and it leaves nothing behind."""
    windows = service.memory().windows
    made = [make_vtpm() for _ in range(windows)]
    claim_large_images_on("SUSPEND")
    with pytest.raises(ServiceError) as refusal:
        made.extend(iter(make_vtpm, None))
    assert refusal.value.status is Status.NO_SPACE
    assert len(made) > windows
    resident = made[-windows:]
    assert all(works(vtpm) for vtpm in resident)
    claim_large_images_on("NONE")
    resident[0].instance.destroy()
    assert works(make_vtpm())


@pytest.mark.parametrize("size", [0, LARGEST_IMAGE + 0x10000], ids=["empty", "beyond-the-staging-area"])
def test_an_image_of_a_size_that_cannot_be_fails_its_instance_alone(
    service: Service, host_memory: HostMemory, engine_layout: patch.EngineLayout, make_vtpm: MakeManagedVtpm, size: int
) -> None:
    """EL3 would copy what the engine says there is, beyond its own buffer."""
    claim_on = engine_layout.plant_on_operation(host_memory, *patch.claim_an_image(size))
    oldest, *others = [make_vtpm() for _ in range(service.memory().windows)]
    claim_on("SUSPEND")
    new = make_vtpm()
    assert oldest.instance.info().state == abi.VTPM_STATE_FAILED
    claim_on("NONE")
    assert all(works(vtpm) for vtpm in (*others, new))


def ring(vtpm: ManagedQueue) -> Pending:
    """Let the guest ring for a command; right before that it says so in its memory."""
    vtpm.place(vtpm.control_page().head % vtpm.instance.slots, commands.startup())
    program = Program()
    program.set(r[18], vtpm.va)
    program.load(r[19], r[18], abi.VTPM_RING_HEAD, size=4)
    program.add(r[19], r[19], 1)
    program.store(r[19], r[18], abi.VTPM_RING_HEAD, size=4)
    program.set(r[20], vtpm.vm.free_ipa)
    program.store(r[19], r[20], size=4)
    program.set(r[0], vtpm.doorbell)
    program.smc()
    program.halt()
    return vtpm.agent.start(program, Deadline.after(TIMEOUT))


def ring_while_moved_out(
    outside: ManagedQueue,
    leaving: ManagedQueue,
    memory: HostMemory,
    pause: tuple[Callable[[str], None], Callable[[], None]],
) -> Status:
    """Return what the guest of `leaving` is told that rings while `outside` waits for its window."""
    pause_on, go_on = pause
    leaving.agent.write(leaving.vm.free_ipa, bytes(4))
    pause_on("SUSPEND")
    moving, deadline = ring(outside), Deadline.after(TIMEOUT)
    while not busy(leaving):
        assert not deadline.expired, "nobody wanted the window of the one that rests longest"
    waiting = ring(leaving)
    said = leaving.vm.ram_pa + leaving.vm.free_ipa - leaving.vm.ram_ipa
    while not any(memory.read(said, 4)):
        assert not deadline.expired, "the guest never came to its doorbell"
    go_on()
    assert moving.wait(Deadline.after(TIMEOUT)).require().r[0] == 0
    status = Reply.from_registers(leaving.doorbell, waiting.wait(Deadline.after(TIMEOUT)).require().r).status
    assert isinstance(status, Status)
    return status


def test_a_guest_whose_instance_is_being_moved_out_is_served_all_the_same(
    service: Service, host_memory: HostMemory, engine_layout: patch.EngineLayout, make_vtpm: MakeManagedVtpm
) -> None:
    """EL3 waits for the move, but not for ever: on a slow host one ring may be BUSY, but not three of them."""
    pause = engine_layout.plant_pause(host_memory)
    outside, leaving, *others = [make_vtpm() for _ in range(service.memory().windows + 1)]
    for attempt in range(1, ATTEMPTS + 1):
        status = ring_while_moved_out(outside, leaving, host_memory, pause)
        assert leaving.instance.ticks().evictions == attempt
        if status is Status.OK:
            break
        assert status is Status.BUSY
        assert leaving.ring().status is Status.OK
        outside, *others = *others, outside  # who waits next for the window of `leaving`
        assert all(works(vtpm) for vtpm in others)
    else:
        pytest.fail(f"{ATTEMPTS} rings were BUSY, one after the other")
    slot = (leaving.control_page().tail - 1) % leaving.instance.slots
    assert commands.Response.parse(leaving.response(slot)).code in {commands.SUCCESS, commands.RC_INITIALIZE}
