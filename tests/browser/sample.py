"""A run in which everything happened that a page can tell."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from hil.record import (
    Attachment,
    Attempt,
    BoardOfRun,
    Case,
    ConsoleSlice,
    Fault,
    FaultKind,
    Outcome,
    Provenance,
    Record,
    Verdict,
)
from hil.record.account import GAP, Entry
from hil.record.case import BLOCKED, Output, Quarantine
from hil.record.step import Stage, Step
from hil.record.transcript import Transcript
from hil.record.verdict import count
from hil.report.html import html
from hil.target.crash import Crash, Place

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = datetime.fromisoformat("2026-11-23T16:00:00.000+00:00")
HOSTILE = "</script><img src=x onerror=alert(1)> \x1b[31mred\x1b[0m \x00\x07\x9b \ud800 &amp; <!--"
LONG = "a_name_without_any_place_to_break_it_" * 6

PANIC = Crash(
    what="PANIC at PC : 0x000000000e0a1234",
    level="EL3",
    syndrome="data abort, translation fault at level 3",
    cause="an address was used that nothing is mapped at",
    places=(Place("elr_el3", "0xe0a1234", "vtpm_create", "bl31.elf", "firmware/service/calls.c", 118),),
    registers=tuple((f"x{number}", f"0x{number:016x}") for number in range(31)),
)


ACCOUNT = (
    Entry(0.1, 0.0921, "call", "CREATE(vm=1, slots=1, index=0)", "EL2 CPU 0", "OK handle=0x10001"),
    Entry(0.2, 0.0, GAP, "212 actions left out"),
    Entry(0.3, 0.0043, "tpm", "TPM2_GetRandom(bytesRequested=16)", "VM 1 vCPU 0", f"SUCCESS randomBytes={'5c' * 16}"),
    Entry(0.4, 31.0, "memory", f"write at 0x400000000000: {LONG}", "VM 1 vCPU 0", f"data abort {HOSTILE}", ok=False),
)
OUTPUT = (Output("stdout call", f"printed by the test\n{HOSTILE}"), Output("log call", f"WARNING mine: {LONG}"))
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
KEPT = (
    Attachment("a picture", "rpi4-1/attachments/picture.png", len(PICTURE)),
    Attachment("figures", "rpi4-1/attachments/figures.json", 15),
    Attachment(f"large {HOSTILE}", "", 0, "not kept: it has 9000000 bytes, 4194304 are allowed"),
)


def at(seconds: float) -> str:
    return (BEGAN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def attempt(number: int, begin: float, *faults: Fault, outcome: Outcome | None = None, **more: Any) -> Attempt:
    said = (
        f"[ {begin:.6f}] # power on\n[ {begin + 0.1:.6f}] < monitor: ready\n[ {begin + 0.2:.6f}] > :01 ping\n{HOSTILE}"
    )
    ended = outcome or (Outcome.PASSED if not faults else Outcome.FAILED if faults[0].finding else Outcome.ERROR)
    return Attempt(
        number,
        ended,
        started=at(begin),
        duration=0.8,
        board="rpi4",
        seat=more.pop("seat", "rpi4-1"),
        stage="monitor",
        faults=faults,
        console=(ConsoleSlice("monitor", said),),
        **more,
    )


def fault(kind: FaultKind, message: str, **more: Any) -> Fault:
    finding = kind in {FaultKind.FIRMWARE, FaultKind.TEST}
    return Fault(kind, "call", "Panic", message, details=f"{message}\n{LONG}\n{HOSTILE}", finding=finding, **more)


def case(name: str, *attempts: Attempt, **more: Any) -> Case:
    begin = datetime.fromisoformat(attempts[0].started).timestamp() - BEGAN.timestamp()
    steps = (Step("resume", at(begin), 0.037), Step("fork", at(begin + 0.04), 0.043))
    return Case.from_attempts(f"suites/queue/test_ring.py::{name}", attempts, steps=steps, **more)


def record() -> Record:
    lost = fault(FaultKind.INFRASTRUCTURE, "the emulator died", hint="look at its stderr", console="monitor: ready")
    panic = fault(FaultKind.FIRMWARE, "BL31 panicked", stage="monitor", crash=PANIC)
    cases = (
        case("test_passes", attempt(1, 1)),
        case("test_panics", attempt(1, 2, panic, account=ACCOUNT, output=OUTPUT, attachments=KEPT)),
        case(f"test_with_{LONG}", attempt(1, 3, fault(FaultKind.TEST, HOSTILE))),
        case("test_is_flaky", attempt(1, 4, fault(FaultKind.FIRMWARE, "lost a byte")), attempt(2, 5, seat="rpi4-2")),
        case("test_loses_its_board", attempt(1, 6, lost)),
        case("test_is_known", attempt(1, 7, panic), quarantined=Quarantine("ann", "waits for silicon", "2026-12-31")),
        case("test_expects_it", attempt(1, 8, outcome=Outcome.XFAILED, reason="the BCM2711 has no TZASC")),
        Case(
            "suites/queue/test_ring.py::test_never_ran",
            Outcome.ERROR,
            reason=BLOCKED,
            faults=(replace(lost, message=f"not run, the board failed before: {lost.message}"),),
            board="rpi4",
        ),
    )
    stages = tuple(
        Stage(stage, at(begin), seconds, ok=stage != "linux", board="rpi4", seat="rpi4-1")
        for stage, begin, seconds in (("firmware", 0.1, 0.4), ("monitor", 0.5, 0.3), ("linux", 6.9, 2.0))
    )
    provenance = Provenance(
        board_file="boards/rpi4.yaml",
        board_file_sha256="ab" * 32,
        firmware_hash="f00d" * 16,
        git_commit="c0ffee" * 6,
        versions={"python": "3.11.2", "qemu": "10.0.2"},
        host={"name": "bench", "machine": "x86_64"},
    )
    return Record(
        "20261123T160000.000000Z-rpi4-abcdef",
        "rpi4",
        at(0),
        (BoardOfRun("rpi4", provenance),),
        verdict=Verdict.INFRASTRUCTURE,
        exit_code=3,
        finished=at(9),
        duration=9.0,
        counts=count(cases),
        cases=cases,
        stages=stages,
    )


def write_files(directory: Path) -> None:
    """What lies beside the record: transcripts, and what else was measured."""
    for uart in ("firmware", "monitor"):
        (directory / "rpi4-1").mkdir(exist_ok=True)
        transcript = Transcript(uart, directory / "rpi4-1" / f"{uart}.log")
        transcript.received(b"monitor: ready\r\n" * 5)
        transcript.close()
    (directory / "rpi4-1" / "attachments").mkdir(exist_ok=True)
    (directory / "rpi4-1" / "attachments" / "picture.png").write_bytes(PICTURE)
    (directory / "rpi4-1" / "attachments" / "figures.json").write_text('{"median": 1.5}')
    usual = {"median": 0.2, "least": 0.15, "most": 0.9, "runs": 10}
    (directory / "usual.json").write_text(json.dumps([["rpi4", "monitor", usual]]))
    counts = {"10": 4, "11": 0, "12": 0, "14": 2}
    files = [{"path": "firmware/service/calls.c", "lines": 4, "covered": 2, "counts": counts}]
    (directory / "coverage.json").write_text(json.dumps({"lines": 4, "covered": 2, "files": files}))
    latencies = {"our queue": [0.00011 * (1 + n / 50) for n in range(50)], "swtpm": [0.02, 0.021, 0.03]}
    rows = [{"name": "GetRandom, 16 bytes: p50", "latencies": latencies}]
    (directory / "bench.json").write_text(json.dumps({"schema": 1, "sections": [{"rows": rows}]}))


def write_page(directory: Path, run: Record) -> str:
    """Write the page of a run; returns its address."""
    page = directory / "report.html"
    page.write_text(html(run, directory), encoding="utf-8")
    return page.as_uri()
