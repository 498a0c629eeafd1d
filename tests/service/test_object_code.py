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
FORGET = ["isb", "tlbi alle3", "dsb nsh", "isb"]
"""Arm ARM, D8.16: EL3 has no ASID, so what the TLB holds under the old table has to go before anything else."""


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


@pytest.mark.parametrize("function", ["engine_switch", "leave"])
def test_every_change_of_tables_is_followed_by_forgetting_the_old_ones(
    code: dict[str, list[str]], function: str
) -> None:
    body = code[function]
    changes = [place for place, instruction in enumerate(body) if instruction.startswith("msr ttbr0_el3")]
    assert len(changes) == 1
    assert [body[place + 1 : place + 1 + len(FORGET)] for place in changes] == [FORGET]


def test_whatever_is_saved_before_the_engine_runs_is_restored_after_it(code: dict[str, list[str]]) -> None:
    """Alignment checks (SCTLR_EL3.A) and the trap of FP (CPTR_EL3.TFP) among it: nothing at EL3 needs them to work."""
    saved = set(re.findall(r"^mrs x\d+, (\w+)$", "\n".join(code["engine_switch"]), re.MULTILINE)) - READ_ONLY
    restored = set(re.findall(r"^msr (\w+), x\d+$", "\n".join(code["leave"]), re.MULTILINE))
    assert saved >= {"sctlr_el3", "cptr_el3", "vbar_el3", "ttbr0_el3", "daif", "fpcr", "fpsr"}
    assert saved == restored


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


def test_a_failure_of_rndrrs_is_noticed(code: dict[str, list[str]]) -> None:
    """PSTATE.Z says that there was no randomness, and then the register holds zero."""
    body = next(body for body in code.values() if any(instruction.endswith(", rndrrs") for instruction in body))
    draws = [place for place, instruction in enumerate(body) if instruction.endswith(", rndrrs")]
    flags = [re.fullmatch(r"cset (w\d+), ne", body[place + 1]) for place in draws]
    assert all(flags)
    tested = set(re.findall(r"^(?:cbn?z|cmp|tst|tbn?z) (w\d+)", "\n".join(body), re.MULTILINE))
    assert {flag[1] for flag in flags if flag} <= tested
