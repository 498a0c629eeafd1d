"""What is done on a board is told in words that a person can read, also when it is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tpm2_pytss import TPM2_ALG, TPM2_CC, TPM2_RC

from hil.account import (
    Action,
    MachineCommand,
    Mapping,
    MemoryAccess,
    MonitorRequest,
    ProgramRun,
    ServiceCall,
    TpmCommand,
)
from hil.target.tpm import commands
from hil.target.vtpm import abi
from hil.target.words import in_words, tpm
from hil.target.words.account import MOST_CHARACTERS
from hil.target.words.tpmnames import ALGORITHMS, response_name, shapes

SUCCESS = bytes.fromhex("80010000000a00000000")
MINUS_27 = (1 << 64) - 27


def told(action: Action) -> str:
    """The action as `where: what -> answer`, with a mark in front of what went wrong."""
    words = in_words(action)
    return f"{'' if words.ok else '! '}{words.where}: {words.what} -> {words.answer}"


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (
            ServiceCall("m0", abi.VTPM_FID_CREATE, (3, 0x102, 1, 0), (0, 0x10001, 0x41000000, 0x2000, 0, 0, 0, 0)),
            "EL2 CPU 0: CREATE(vm=3, requirements=SHA384|PERSISTENT, slots=1, index=0)"
            " -> OK handle=0x10001 queue_pa=0x41000000 queue_bytes=0x2000",
        ),
        (
            ServiceCall("m2", abi.VTPM_FID_CREATE, (3, 0xFFFF, 1, 0), (MINUS_27, *[0] * 7)),
            "! EL2 CPU 2: CREATE(vm=3, requirements=0xffff, slots=1, index=0)"
            " -> EXISTS (-27): CREATE: this VM already has an instance with this index",
        ),
        (
            ServiceCall("1.3", abi.doorbell(2), (), (0, *[0] * 7)),
            "VM 1 vCPU 3: DOORBELL 2() -> OK",
        ),
        (
            ServiceCall("m0", abi.VTPM_FID_INFO, (0x10001, 0), (0, 2, 1, 0x41000000, 0x2000, 17, 0, 0)),
            "EL2 CPU 0: INFO(handle=0x10001, selector=STATE)"
            " -> OK state=BOUND vm=1 queue_pa=0x41000000 queue_bytes=0x2000 commands=17 requirements=0 index=0",
        ),
        (ServiceCall("m0", 0x84000000, (), (0x10001, *[0] * 7)), "EL2 CPU 0: PSCI_VERSION() -> 1.1"),
        (
            ServiceCall("m0", 0xC4000003, (1, 0x40000000, 0), (0xFFFFFFFC, *[0] * 7)),
            "! EL2 CPU 0: PSCI_CPU_ON(target=1, entry=0x40000000, context=0) -> ALREADY_ON (-4)",
        ),
        (ServiceCall("m0", 0xC2001234, (7,), (5, *[0] * 7)), "EL2 CPU 0: SMC 0xc2001234(x1=7) -> 5"),
        (
            TpmCommand("1.0", commands.pcr_extend(7, b"\x11" * 32), SUCCESS),
            "VM 1 vCPU 0: TPM2_PCR_Extend(pcrHandle=PCR 7, digests=sha256:32 bytes of 0x11) -> SUCCESS",
        ),
        (
            TpmCommand("FORWARD", commands.get_random(4), bytes.fromhex("8001000000100000000000041234abcd")),
            "FORWARD: TPM2_GetRandom(bytesRequested=4) -> SUCCESS randomBytes=1234abcd",
        ),
        (
            TpmCommand("1.0", commands.flush_context(0x80000001), bytes.fromhex("80010000000a000001cb")),
            "! VM 1 vCPU 0: TPM2_FlushContext(flushHandle=object 0x80000001) -> HANDLE (parameter 1)",
        ),
        (
            MonitorRequest("create 80000 1 0", "1 1 43265000 40000000 44000000"),
            ": create a VM (ram=0x80000, vcpus=1, vmid=0)"
            " -> VM 1, VMID 1, stage2_base=0x43265000, ram_ipa=0x40000000, ram_pa=0x44000000",
        ),
        (MonitorRequest("vtpm-info 0", f"{MINUS_27:x} 0 0"), "! : vtpm-info 0 -> EXISTS (-27)"),
        (MonitorRequest("start 1.0 ffff 0 0 20 1 AQAAAA== -", ""), ": start a program on VM 1 vCPU 0 -> "),
        (
            MemoryAccess("1.0", "write", 0x40000000, 8, bytes(8)),
            "VM 1 vCPU 0: write at 0x40000000: 8 bytes of 0x00 -> ",
        ),
        (
            Mapping("1.0", 0x1000, 0x2000, 0x80000000),
            "VM 1 vCPU 0: map in stage 1 (va=0x1000, ipa=0x80000000, length=0x2000) -> ",
        ),
        (
            ProgramRun("1.0", 12, "faulted at instruction 2, after 3 steps", "data abort: read, taken to EL1"),
            "! VM 1 vCPU 0: program of 12 instructions"
            " -> fault: data abort: read, taken to EL1; faulted at instruction 2, after 3 steps",
        ),
        (MachineCommand("rpi4", "uname -r", b"6.1.0\n", b"", 0), "rpi4: uname -r -> 6.1.0"),
        (MachineCommand("rpi4", "false", b"", b"", 1), "! rpi4: false -> status 1"),
    ],
)  # fmt: skip
def test_an_action_is_told_by_name_with_arguments_and_answer(action: Action, words: str) -> None:
    assert told(action) == words


def test_an_action_that_ended_with_an_error_tells_the_error() -> None:
    action = ServiceCall("m0", abi.VTPM_FID_VERSION, ())
    action.error = "no undamaged answer from the monitor within 30 s"
    assert told(action) == "! EL2 CPU 0: VERSION() -> no undamaged answer from the monitor within 30 s"


def test_names_and_numbers_are_those_of_another_implementation() -> None:
    """tpm2-pytss has the TCG's constants from the headers of its C library."""
    theirs: dict[int, set[str]] = {}
    for name in filter(str.isidentifier, dir(TPM2_CC)):
        if isinstance(code := getattr(TPM2_CC, name), int):
            theirs.setdefault(int(code), set()).add(name.replace("_", "").upper())
    for code, shape in shapes().items():
        assert shape.name.removeprefix("TPM2_").replace("_", "").upper() in theirs[code]
    for number, name in ALGORITHMS.items():
        assert int(getattr(TPM2_ALG, name.upper())) == number
    for name in ("INITIALIZE", "FAILURE", "COMMAND_SIZE", "NV_LOCKED", "RETRY", "LOCKOUT", "OBJECT_MEMORY"):
        assert response_name(int(getattr(TPM2_RC, name))) == name
    assert response_name(0x2C4) == "VALUE (parameter 2)"
    assert response_name(0x98E) == "AUTH_FAIL (session 1)"
    assert response_name(0x18B) == "HANDLE (handle 1)"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "malformed command(malformed=tag has 2 bytes, 0 are left)"),
        (commands.command(0x17B, b"\0"), "TPM2_GetRandom(malformed=bytesRequested has 2 bytes, 1 are left)"),
        (commands.command(0x17B, b"\0\4", size=5), "TPM2_GetRandom(size=5, but 12 bytes were sent, bytesRequested=4)"),
        (commands.command(0xFFF), "TPM command 0xfff(malformed=the command is not known)"),
    ],
)
def test_a_malformed_command_is_told_as_far_as_it_goes(raw: bytes, words: str) -> None:
    frame = tpm.read_command(raw)
    assert f"{frame.name}({frame})" == words


@given(raw=st.binary(max_size=80), code=st.sampled_from([0, *shapes()]))
def test_whatever_comes_is_read_and_no_byte_is_left_out(raw: bytes, code: int) -> None:
    header = b"\x80\x02" + (len(raw) + 10).to_bytes(4, "big")
    for frame in (
        tpm.read_command(header + code.to_bytes(4, "big") + raw),
        tpm.read_response(header + bytes(4) + raw, code),
        tpm.read_command(raw),
        tpm.read_response(raw),
    ):
        ends = [0, *(field.end for field in frame.fields)]
        assert [field.start for field in frame.fields] == ends[:-1]


def test_a_long_answer_is_cut_and_says_so() -> None:
    words = in_words(MachineCommand("rpi4", "dmesg", b"line\n" * 1000, b"", 0))
    assert len(words.answer) < MOST_CHARACTERS + 40
    assert "characters)" in words.answer
    assert "\n" not in words.answer
