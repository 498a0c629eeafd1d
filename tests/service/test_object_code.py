"""What the emulator cannot show: the code of BL31 itself has what only a processor would miss.

QEMU's TLB holds nothing back, its CPUs see memory in one order and through no cache, and its generator never fails. So
these tests look at the instructions that were built. They prove that a barrier or a check is there, not that it works.
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from hil.firmware import build

OBJDUMP = "aarch64-linux-gnu-objdump"
FUNCTION = re.compile(r"^[0-9a-f]+ <(\w+)>:\n((?: .*\n|\n(?= ))+)", re.MULTILINE)
INSTRUCTION = re.compile(r"^ +[0-9a-f]+:\t(.*?)(?:\s*//.*)?$", re.MULTILINE)
READ_ONLY = {"cntpct_el0"}
OF_EL1 = {
    *("sctlr_el1", "tcr_el1", "ttbr0_el1", "mair_el1", "vbar_el1", "cpacr_el1", "cntkctl_el1", "mdscr_el1"),
    *("tpidr_el0", "tpidrro_el0", "contextidr_el1", "pmuserenr_el0", "elr_el1", "spsr_el1", "esr_el1", "far_el1"),
}
"""What the engine's regime uses of EL1 and EL0, or the engine could change."""


@pytest.fixture(scope="module")
def code() -> dict[str, list[str]]:
    """The instructions of each function of BL31."""
    if shutil.which(OBJDUMP) is None:
        pytest.skip(f"needs {OBJDUMP}")
    image = build("qemu-virt").path("bl31.elf")
    command = [OBJDUMP, "--disassemble", "--no-show-raw-insn", str(image)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return {
        name: [" ".join(instruction.split()) for instruction in INSTRUCTION.findall(body)]
        for name, body in FUNCTION.findall(text)
    }


def read_and_written(body: list[str]) -> tuple[set[str], set[str]]:
    """The system registers that a function reads, and those that it writes."""
    text = "\n".join(body)
    read = set(re.findall(r"^mrs x\d+, (\w+)$", text, re.MULTILINE)) - READ_ONLY
    return read, set(re.findall(r"^msr (\w+), x(?:\d+|zr)$", text, re.MULTILINE))


def test_whatever_is_changed_for_the_engine_is_the_caller_s_again_after_it(code: dict[str, list[str]]) -> None:
    """The traps of CPTR_EL3 and the world of SCR_EL3 among it, which no test on an emulator needs to be back."""
    saved, changed = read_and_written(code["sandbox_enter"])
    _, restored = read_and_written(code["sandbox_leave"])
    assert saved >= OF_EL1 | {"cptr_el3", "scr_el3", "fpcr", "fpsr"}
    assert saved == restored
    assert changed <= saved


def test_the_engine_s_registers_come_before_its_translation_and_go_after_the_caller_s_is_forbidden(
    code: dict[str, list[str]],
) -> None:
    """TF-A's workaround for speculative AT: TCR_EL1 forbids walks while TTBR0_EL1 is neither one's nor the other's."""
    enter, leave = code["sandbox_enter"], code["sandbox_leave"]

    def place(body: list[str], register: str) -> int:
        return next(at for at, instruction in enumerate(body) if instruction.startswith(f"msr {register},"))

    assert place(enter, "scr_el3") < place(enter, "ttbr0_el1") < place(enter, "tcr_el1")
    assert "isb" in enter[place(enter, "ttbr0_el1") : place(enter, "tcr_el1")]
    assert place(leave, "tcr_el1") < place(leave, "ttbr0_el1") < place(leave, "scr_el3")
    assert "isb" in leave[place(leave, "tcr_el1") : place(leave, "ttbr0_el1")]


def test_errors_of_the_caller_and_of_the_engine_are_kept_apart(code: dict[str, list[str]]) -> None:
    """An SError is taken where it was caused: a barrier before the engine runs, one with SError unmasked after it."""
    assert code["sandbox_enter"][:4] == ["psb csync", "tsb csync", "dsb sy", "isb"]
    stopped = code["sandbox_stopped"]
    fence = ["dsb sy", "msr daifclr, #0x4", "isb", "msr daifset, #0x4"]
    assert any(stopped[at : at + len(fence)] == fence for at in range(len(stopped)))


def test_processors_that_start_forget_what_secure_el1_had_translated(code: dict[str, list[str]]) -> None:
    for name in "sandbox_init", "on_cpu_start":
        body = code[name]
        assert [body[at + 1] for at, instruction in enumerate(body) if instruction == "tlbi alle1"] == ["dsb nsh"]


@pytest.mark.parametrize("processors", ["mmu", "bhb"])
def test_branch_predictors_are_treated_before_the_first_branch_out_of_a_vector(
    code: dict[str, list[str]], processors: str
) -> None:
    """CVE-2017-5715 and CVE-2022-23960: the engine may have trained them."""
    needed = {"mmu": "msr sctlr_el3, x1", "bhb": "subs x1, x1, #0x1"}[processors]
    for vector in range(8, 12):
        body = code[f"sandbox_vectors_{processors}_{vector}"]
        leaves = next(at for at, instruction in enumerate(body) if "<sandbox_stopped>" in instruction)
        assert needed in body[:leaves]


def test_a_barrier_of_the_queue_reaches_the_guest_s_processors(code: dict[str, list[str]]) -> None:
    assert code["port_queue_barrier"][:2] == ["dmb sy", "ret"]


def test_a_queue_leaves_the_caches_before_it_is_zeroed(code: dict[str, list[str]]) -> None:
    """Dirty lines of whoever had the pages before would be written over the zeros."""
    body = code["port_queue_zero"]
    flushes = [place for place, instruction in enumerate(body) if re.search(r"^bl .*<flush_dcache_range>", instruction)]
    stores = [place for place, instruction in enumerate(body) if instruction.startswith("str xzr")]
    assert flushes
    assert stores
    assert flushes[0] < stores[0]


def test_what_a_processor_has_read_again_is_forgotten_after_a_queue_is_zeroed(code: dict[str, list[str]]) -> None:
    """Clean lines, fetched through somebody's cacheable mapping, still hold what the former owner wrote."""
    body = code["port_queue_zero"]
    flush = next(place for place, instruction in enumerate(body) if "<flush_dcache_range>" in instruction)
    forget = next(place for place, instruction in enumerate(body) if "<inv_dcache_range>" in instruction)
    assert "dsb sy" in body[flush:forget]


def test_a_failure_of_rndrrs_is_noticed(code: dict[str, list[str]]) -> None:
    """PSTATE.Z says that there was no randomness, and then the register holds zero."""
    body = next(body for body in code.values() if any(instruction.endswith(", rndrrs") for instruction in body))
    draws = [place for place, instruction in enumerate(body) if instruction.endswith(", rndrrs")]
    flags = [re.fullmatch(r"cset (w\d+), ne", body[place + 1]) for place in draws]
    assert all(flags)
    tested = set(re.findall(r"^(?:cbn?z|cmp|tst|tbn?z) (w\d+)", "\n".join(body), re.MULTILINE))
    assert {flag[1] for flag in flags if flag} <= tested
