"""A hijacked engine is a prisoner: whatever it executes ends as the failure of its own instance, and is reported.

What it tries is planted in the engine (`engine_patch`), and the guest of its instance says which of it, and where. One
boot serves for a whole list; after each entry, another VM's TPM, PSCI and the console must be as before.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.tpm import Tpm, commands
from hil.target.vtpm import Reply, Status, abi
from suites.isolation import engine_patch as patch

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import Board, HostMemory, MakeManagedVtpm
    from hil.target.monitor import Monitor
    from hil.target.vtpm import GuestQueue, ManagedQueue, Service
    from suites.conftest import FindSymbol

pytestmark = [pytest.mark.needs_host_memory_access, pytest.mark.threat(21), pytest.mark.element("E3")]

PSCI_VERSION = 0x8400_0000
UNUSED_CODE = "Camellia_Ekeygen"
"""A function of the engine that none of these tests' commands calls: planted code lies there."""

# Arm ARM (DDI 0487), C6.2. x9 holds what the command says.
INSTRUCTIONS = {
    "mrs x9, TTBR0_EL1": 0xD5382009,
    "msr TTBR0_EL1, x9": 0xD5182009,
    "msr TCR_EL1, x9": 0xD5182049,
    "msr SCTLR_EL1, x9": 0xD5181009,
    "msr VBAR_EL1, x9": 0xD518C009,
    "mrs x9, TTBR0_EL3": 0xD53E2009,
    "msr TTBR0_EL3, x9": 0xD51E2009,
    "mrs x9, SCR_EL3": 0xD53E1109,
    "msr SCR_EL3, x9": 0xD51E1109,
    "msr VBAR_EL3, x9": 0xD51EC009,
    "msr HCR_EL2, x9": 0xD51C1109,
    "smc #0": 0xD4000003,
    "smc #8": 0xD4000103,
    "hvc #0": 0xD4000002,
    "eret": 0xD69F03E0,
    "msr DAIFClr, #15": 0xD5034FFF,
    "msr SPSel, #1": 0xD50041BF,
    "tlbi vmalle1": 0xD508871F,
    "tlbi alle3": 0xD50E871F,
    "at s1e1r, x9": 0xD5087809,
    "at s12e1r, x9": 0xD50C7889,
    "dc civac, x9": 0xD50B7E29,
    "dc isw, x9": 0xD5087649,
    "dc zva, x9": 0xD50B7429,
    "ic ivau, x9": 0xD50B7529,
    "ic iallu": 0xD508751F,
    "wfi": 0xD503207F,
    "mrs x9, PMCCNTR_EL0": 0xD53B9D09,
    "msr PMCR_EL0, x9": 0xD51B9C09,
    "mrs x9, CNTP_CTL_EL0": 0xD53BE229,
    "msr CNTP_CTL_EL0, x9": 0xD51BE229,
    "msr CNTV_CVAL_EL0, x9": 0xD51BE349,
    "mrs x9, MIDR_EL1": 0xD5380009,
    "mrs x9, MPIDR_EL1": 0xD53800A9,
    "mrs x9, CTR_EL0": 0xD53B0029,
    "mrs x9, MDCCSR_EL0": 0xD5330109,
    "msr DBGDTR_EL0, x9": 0xD5130409,
    "mrs x9, TPIDR2_EL0": 0xD53BD0A9,
    "mrs x9, AMCR_EL0": 0xD53BD209,
    "cntb x9": 0x0420E3E9,
    "svc #4": 0xD4000081,
    "svc #99": 0xD4000C61,
    "hlt #0": 0xD4400000,
    "brk #0": patch.BREAKPOINT,
    "udf #0": patch.UNDEFINED,
}
MOVE_X9_TO_X0 = 0xAA0903E0
ENTROPY_OF_16_BYTES = (MOVE_X9_TO_X0, 0xD2800201, 0xD4000021)  # mov x0, x9; mov x1, #16; svc #1
LOG_A_LINE = (MOVE_X9_TO_X0, 0xD4000041)  # mov x0, x9; svc #2


def send(vtpm: GuestQueue, command: bytes) -> Reply:
    """Have the engine of an instance execute a command."""
    slot = vtpm.control_page().head % vtpm.instance.slots
    vtpm.place(slot, command)
    return vtpm.submit(1)


class Bystanders:
    """What must not notice anything: another VM's TPM, PSCI, the firmware's console."""

    def __init__(self, board: Board, monitor: Monitor, make_vtpm: MakeManagedVtpm) -> None:
        self._board = board
        self._monitor = monitor
        self._neighbour: GuestQueue = make_vtpm()
        self._psci = monitor.smc(PSCI_VERSION)
        commands.submit(self._neighbour, commands.startup())
        commands.submit(self._neighbour, commands.pcr_extend(7, b"\x01" * 32))
        self._pcr = self._neighbour.transmit(commands.pcr_read(7))

    def reports(self) -> int:
        """How often the firmware's consoles have told of a failed instance."""
        transcripts = set(self._board.strategy.transcripts.values())
        return sum("vTPM: instance" in line.text for t in transcripts for line in t.since(0))

    def wait_for_reports(self, expected: int) -> None:
        """Wait until that many have come; consoles may lag behind."""
        deadline = Deadline.after(10)
        while self.reports() < expected:
            assert not deadline.expired, f"only {self.reports()} of {expected} failures were reported"

    def check(self, what: str) -> None:
        """Assert that all is as it was."""
        assert self._monitor.smc(PSCI_VERSION) == self._psci, f"{what}: PSCI answers otherwise"
        assert self._neighbour.transmit(commands.pcr_read(7)) == self._pcr, f"{what}: another VM's TPM has changed"


@pytest.fixture
def try_all(board: Board, monitor: Monitor, make_vtpm: MakeManagedVtpm) -> Callable[[dict[str, bytes]], dict[str, str]]:
    """Have each order executed by a hijacked engine; return what became of those that did not end as they must.

    Call it when the orders are planted.
    """

    def run(orders: dict[str, bytes]) -> dict[str, str]:
        return escaped(make_vtpm(persistent=False), Bystanders(board, monitor, make_vtpm), orders)

    return run


def escaped(hijacked: ManagedQueue, bystanders: Bystanders, orders: dict[str, bytes]) -> dict[str, str]:
    """Return the orders of which the execution did not end in a reported failure of that instance, and how it did."""
    found = {}
    reported = bystanders.reports()
    for what, command in orders.items():
        status = send(hijacked, command).status
        state = hijacked.instance.info().state
        if status is not Status.ENGINE_FAILED or state != abi.VTPM_STATE_FAILED:
            found[what] = f"{status!r}, state {state}"
        bystanders.check(what)
        hijacked.instance.reset()
    bystanders.wait_for_reports(reported + len(orders) - len(found))
    return found


def test_no_instruction_gets_an_engine_out_of_its_cell(
    host_memory: HostMemory,
    engine_layout: patch.EngineLayout,
    symbol: FindSymbol,
    try_all: Callable[[dict[str, bytes]], dict[str, str]],
) -> None:
    entries = [(code,) for code in INSTRUCTIONS.values()]
    engine_layout.plant_menu(host_memory, symbol(UNUSED_CODE, "engine.elf"), entries)
    orders = {name: patch.order(number, engine_layout.window) for number, name in enumerate(INSTRUCTIONS)}
    assert try_all(orders) == {}


def test_no_address_but_its_own_is_of_any_use_to_an_engine(
    service: Service,
    host_memory: HostMemory,
    engine_layout: patch.EngineLayout,
    symbol: FindSymbol,
    try_all: Callable[[dict[str, bytes]], dict[str, str]],
) -> None:
    """Reading, writing and jumping; and having the service write or print there on the engine's behalf."""
    space, limits = service.memory(), service.limits()
    windows = space.pool + limits.pool_bytes - space.windows * space.window_bytes
    places = {
        "code of BL31": symbol("bl31_entrypoint"),
        "dispatch table of BL31": symbol("rt_svc_descs_indices"),
        "stacks of BL31": symbol("__STACKS_START__"),
        "translation tables": space.pool,
        "own tables": space.pool + 0x1000,
        "state of the service": space.pool + 0x40000,
        "images": windows - 4096,
        "its own window, as BL31 sees it": windows,
        "another window, as BL31 sees it": windows + space.window_bytes,
        "queues": limits.queue_pool,
        "the shim": engine_layout.window + 0x1FF000,
        "behind its window": engine_layout.window + 0x100000,
        "its guard page": engine_layout.guard,
        "page zero": 0,
        "the highest address": 2**64 - 8,
        "upper half": 0xFFFF_0000_0000_0000,
        "beyond 4 GiB": 1 << 32,
    }
    uses = {
        "load": (patch.LOAD_FROM_X9,),
        "store": (patch.STORE_ZERO_AT_X9,),
        "jump": (patch.JUMP_TO_X9,),
        "entropy": ENTROPY_OF_16_BYTES,
        "log": LOG_A_LINE,
    }
    engine_layout.plant_menu(host_memory, symbol(UNUSED_CODE, "engine.elf"), list(uses.values()))
    orders = {
        f"{use} at {place}": patch.order(number, address)
        for place, address in places.items()
        for number, use in enumerate(uses)
    }
    assert try_all(orders) == {}


def test_an_engine_cannot_read_another_vm_s_secret(
    service: Service,
    host_memory: HostMemory,
    engine_layout: patch.EngineLayout,
    symbol: FindSymbol,
    make_vtpm: MakeManagedVtpm,
) -> None:
    """At the place where it is, with instructions that switch the tables of EL3 first, and by what they would leave."""
    entries = [(patch.LOAD_FROM_X9, 0xF9042C09)]  # str x9, [x0, #0x858]: leaves it in the window
    engine_layout.plant_menu(host_memory, symbol(UNUSED_CODE, "engine.elf"), entries)
    victim, attacker = make_vtpm(), make_vtpm()
    secret = hashlib.sha256(b"secret of the victim").digest()
    with Tpm(victim) as tpm:
        tpm.startup()
        index = tpm.nv_define(0x0150_0001, 32)
        tpm.nv_write(index, secret)
        space, limits = service.memory(), service.limits()
        end = space.pool + limits.pool_bytes
        windows = range(end - space.windows * space.window_bytes, end)
        places = list(host_memory.find(secret, windows))
        assert places
        assert send(attacker, patch.order(0, places[0])).status is Status.ENGINE_FAILED
        assert tpm.nv_read(index, 32) == secret
    assert not any(host_memory.find(secret[:8], range(places[-1] + 32, windows.stop)))


WRITES_TPIDR = (0xD51BD049,)  # msr TPIDR_EL0, x9
LEAVES_MARKS = (0xD51B4409, 0x4E080D27)  # msr FPCR, x9; dup v7.2d, x9
SHOWS_TPIDR = (0xD53BD049, 0xF9040009)  # mrs x9, TPIDR_EL0; str x9, [x0, #0x800]
SHOWS_FPCR = (0xD53B4409, 0xF9040009)  # mrs x9, FPCR; str x9, [x0, #0x800]
SHOWS_V7 = (patch.store_vector(7, patch.WINDOW_MARK),)
LOG_LINES = 16
"""Lines of an instance that the service shows: `firmware/service/core/engine_calls.c`."""
MARK = 0x0300_0000
"""In FPCR: flush to zero and default NaN."""


@pytest.mark.threat(7)
@pytest.mark.parametrize(
    ("leave", "show"),
    [(WRITES_TPIDR, SHOWS_TPIDR), (LEAVES_MARKS, SHOWS_FPCR), (LEAVES_MARKS, SHOWS_V7)],
    ids=["TPIDR_EL0", "FPCR", "V7"],
)
def test_an_engine_leaves_nothing_in_registers_for_another_one(
    leave: tuple[int, ...],
    show: tuple[int, ...],
    service: Service,
    host_memory: HostMemory,
    engine_layout: patch.EngineLayout,
    symbol: FindSymbol,
    make_vtpm: MakeManagedVtpm,
) -> None:
    engine_layout.plant_menu(host_memory, symbol(UNUSED_CODE, "engine.elf"), [leave, show])
    sender, receiver = make_vtpm(), make_vtpm()
    space, limits = service.memory(), service.limits()
    windows = space.pool + limits.pool_bytes - space.windows * space.window_bytes
    for window in range(space.windows):
        host_memory.write(windows + window * space.window_bytes + patch.WINDOW_MARK, b"\xee" * 16)
    for vtpm, command in ((sender, patch.order(0, MARK)), (receiver, patch.order(1))):
        assert send(vtpm, command).status is Status.OK
    shown = [
        host_memory.read(windows + window * space.window_bytes + patch.WINDOW_MARK, 8)
        for window in range(space.windows)
    ]
    assert shown.count(bytes(8)) == 1, "the receiver found nothing"
    assert shown.count(b"\xee" * 8) == len(shown) - 1


def test_a_store_into_the_dispatch_table_of_bl31_does_not_end_psci(
    host_memory: HostMemory,
    engine_layout: patch.EngineLayout,
    symbol: FindSymbol,
    monitor: Monitor,
    make_vtpm: MakeManagedVtpm,
) -> None:
    table = symbol("rt_svc_descs_indices")
    engine_layout.plant(host_memory, patch.STORE_ZERO_AT_X9, address=table)
    before, version = host_memory.read(table, 128), monitor.smc(PSCI_VERSION)
    assert send(make_vtpm(), patch.TRIGGER).status is Status.ENGINE_FAILED
    assert host_memory.read(table, 128) == before
    assert monitor.smc(PSCI_VERSION) == version


def test_the_console_shows_a_few_lines_of_a_talkative_engine_and_no_control_character(
    board: Board,
    host_memory: HostMemory,
    engine_layout: patch.EngineLayout,
    symbol: FindSymbol,
    make_vtpm: MakeManagedVtpm,
) -> None:
    engine_layout.plant_menu(host_memory, symbol(UNUSED_CODE, "engine.elf"), [LOG_A_LINE])
    vtpm = make_vtpm()
    text = engine_layout.request + 16
    for _ in range(40):
        assert send(vtpm, patch.order(0, text) + b"hostile \x1b[2J line\0").status is Status.OK
    seen: list[str] = []
    deadline = Deadline.after(10)
    while len(seen) < LOG_LINES and not deadline.expired:
        transcripts = set(board.strategy.transcripts.values())
        seen = [line.text for transcript in transcripts for line in transcript.since(0) if "hostile" in line.text]
    assert len(seen) == LOG_LINES
    assert all("engine: hostile .[2J line" in line for line in seen)
