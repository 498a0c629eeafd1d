"""Stacks at EL3 have room to spare after every command a TPM knows. Painted and inspected from the host."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import ESYS_TR, TPM2_ALG, TPM2_CAP, TPM2_SE, TPMA_SESSION

from hil.headers import firmware_header, read_defines
from hil.target.tpm import Tpm, commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.fixtures import HostMemory
    from hil.target.tpm import KeyKind
    from hil.target.vtpm import ManagedQueue, Service
    from suites.conftest import FindSymbol
    from suites.isolation.engine_patch import EngineLayout

pytestmark = [pytest.mark.threat(10), pytest.mark.needs_host_memory_access]

PAINT = 0xC5
PAGE = 4096
RH_OWNER = 0x4000_0001
FIRMWARE_STACK = 4096  # PLATFORM_STACK_SIZE of TF-A's plat/qemu and plat/rpi/rpi4
LIVE = 512  # bytes at the top of a firmware stack that are not painted
CALL = 8192  # struct call of firmware/service/tfa/calls.c: its stack comes first
PROCESSORS = 4


def every_command(tpm: Tpm) -> None:
    """Send each command that the TPM implements, empty and with nonsense, and then use it in earnest."""
    _, listed = tpm.esapi.get_capability(TPM2_CAP.COMMANDS, 0, 254)
    codes = [int(attributes) & 0x2000_FFFF for attributes in listed.data.command]
    assert len(codes) > 90
    for code in codes:
        for command in (
            commands.command(code),
            commands.command(code, bytes(64)),
            commands.with_password(code, RH_OWNER, bytes(64)),
        ):
            commands.Response.parse(tpm.transport.transmit(command))


def in_earnest(tpm: Tpm) -> None:
    """Everything that is known to go deep: key generation, signatures, sessions with encryption, self-tests."""
    tpm.self_test()
    kinds: tuple[KeyKind, ...] = ("ecc", "rsa")
    for kind in kinds:
        with tpm.signing_key(kind) as key:
            tpm.sign(key, hashlib.sha256(b"message").digest())
        with tpm.storage_key(kind) as parent:
            tpm.unseal(parent, tpm.seal(parent, b"secret", [7]), [7])
            session = tpm.esapi.start_auth_session(
                parent.handle, ESYS_TR.NONE, TPM2_SE.HMAC, "aes128cfb", TPM2_ALG.SHA256
            )
            tpm.esapi.trsess_set_attributes(session, TPMA_SESSION.ENCRYPT)
            tpm.esapi.get_random(16, session1=session)
    with tpm.attestation_key() as key:
        tpm.quote(key, b"nonce", [0, 7])
    index = tpm.nv_define(0x0150_0001, 512)
    tpm.nv_write(index, bytes(512))


@pytest.fixture
def engine_stacks(
    service: Service, host_memory: HostMemory, engine_layout: EngineLayout
) -> Callable[[], Iterator[tuple[bytes, bytes]]]:
    """Guard page and stack of every window, read anew at each call."""
    memory, layout = service.memory(), engine_layout
    end = memory.pool + service.limits().pool_bytes
    windows = range(end - memory.windows * memory.window_bytes, end, memory.window_bytes)
    guard = layout.guard - layout.window
    stack, top = guard + PAGE, layout.stack_top - layout.window

    def read() -> Iterator[tuple[bytes, bytes]]:
        for window in windows:
            yield host_memory.read(window + guard, PAGE), host_memory.read(window + stack, top - stack)

    for window in windows:
        host_memory.write(window + guard, bytes([PAINT]) * (top - guard))
    return read


def untouched(stack: bytes) -> int:
    """How many bytes at the low end still have their paint."""
    return len(stack) - len(stack.lstrip(bytes([PAINT])))


def test_the_engine_s_stack_has_a_quarter_left_after_every_command(
    vtpm: ManagedQueue,
    engine_stacks: Callable[[], Iterator[tuple[bytes, bytes]]],
    record_property: Callable[[str, object], None],
) -> None:
    with Tpm(vtpm) as tpm:
        tpm.startup()
        in_earnest(tpm)
        every_command(tpm)
    used = []
    for guard, stack in engine_stacks():
        assert untouched(guard) == PAGE, "something was written behind the guard page's back"
        used.append(len(stack) - untouched(stack))
        assert untouched(stack) >= len(stack) // 4
    record_property("engine stack, bytes used", max(used))
    assert sorted(used)[:-1] == [0] * (len(used) - 1), "one instance ran, in one window"
    assert max(used) > PAGE, "the engine ran on another stack than the one that was painted"


def test_the_firmware_s_stacks_have_an_eighth_left_after_every_kind_of_call(
    build_folder: Path,
    symbol: FindSymbol,
    service: Service,
    vtpm: ManagedQueue,
    host_memory: HostMemory,
    record_property: Callable[[str, object], None],
) -> None:
    """Calls that run the engine have stacks of their own; the others run on those of TF-A, one for each processor."""
    platform = read_defines(firmware_header(f"platform/{build_folder.name}/vtpm_platform.h"))
    start = symbol("__STACKS_START__")
    of_processors = range(start, start + PROCESSORS * FIRMWARE_STACK, FIRMWARE_STACK)
    calls = platform["VTPM_CALLS_PA"]
    of_calls = range(calls, calls + platform["VTPM_CALL_COUNT"] * CALL, CALL)
    paint = bytes([PAINT]) * (FIRMWARE_STACK - LIVE)
    for stack in (*of_processors, *of_calls):
        host_memory.write(stack, paint)
    with Tpm(vtpm) as tpm:
        tpm.startup()
        every_command(tpm)
    others = [service.create(1000 + number) for number in range(service.memory().windows + 1)]
    for instance in others:
        instance.forward()
        instance.reset()
        instance.destroy()
    vtpm.check()
    for stacks in (of_processors, of_calls):
        left = [untouched(host_memory.read(stack, FIRMWARE_STACK)) for stack in stacks]
        record_property("firmware stack, bytes used", FIRMWARE_STACK - min(left))
        assert min(left) >= FIRMWARE_STACK // 8
        assert left[0] < len(paint), "calls were made, but the stack was not touched"
