"""How long a guest waits for its TPM: by our queue, by a hypervisor's emulated TPM, and what it costs in traps."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labgrid import Environment

from hil.board.file.boardfile import BoardFile
from hil.firmware.bench import build_bench
from hil.operations.bench.figures import Row, Section, Series, Target, percentile, ratio, turns
from hil.operations.bench.stopwatch import repeat_command, time_command
from hil.operations.bench.ways import DIRECT, QUEUE, RIVAL, direct_way, kvm_ways
from hil.target.tpm import commands
from hil.target.tpm.key import attestation_template, storage_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hil.linux.commandloop import CommandLoop
    from hil.operations.bench.ways import Way

COLUMNS = (QUEUE, DIRECT, RIVAL)
ROUNDS = 4
WARM_UP = 1
TARGETS = {QUEUE: 1 / 5, DIRECT: 1 / 20}
"""The largest part of the rival's p50 that each way should take, for the commands that are judged."""
PCR = 10
NONCE = bytes(16)
TRAP_COUNTS = 3
FEW = 10
"""The traps of one command are those of more commands, less those of so few: what else the guest does goes out."""


@dataclass(frozen=True, slots=True)
class Work:
    """A command, made for the key that quotes, and how often a round has it. `judged`: targets are for this one."""

    name: str
    command: Callable[[int], bytes]
    count: int
    after: bytes = b""
    judged: bool = False


WORK = (
    Work("GetRandom, 16 bytes", lambda _: commands.get_random(16), 100, judged=True),
    Work("PCR_Extend, SHA-256", lambda _: commands.pcr_extend(PCR, bytes(32)), 100, judged=True),
    Work("Quote, ECC P-256", lambda key: commands.quote(key, NONCE, PCR), 25),
    Work(
        "CreatePrimary, ECC P-256",
        lambda _: commands.create_primary(storage_template("ecc").marshal()),
        25,
        after=commands.flush_context(0),
    ),
)


def measure(board: Path, note: Callable[[str], None]) -> Section:
    """Measure on the board of file `board`, which boots into Linux, and on the one that its `direct_board` names.

    `note` is told what is under way.
    """
    note("fetching QEMU and swtpm")
    images = build_bench()
    with contextlib.ExitStack() as running:
        linux = Environment(str(board))
        running.callback(linux.cleanup)
        ways = kvm_ways(linux, images, note)
        if name := BoardFile.of_environment(linux).direct_board:
            direct = Environment(str(board.with_name(f"{name}.yaml")))
            running.callback(direct.cleanup)
            ways[DIRECT] = direct_way(direct, images, note)
        return _measured({name: ways[name] for name in COLUMNS if name in ways}, images.versions, note)


def _measured(ways: Mapping[str, Way], versions: Mapping[str, str], note: Callable[[str], None]) -> Section:
    keys = {name: _attestation_key(way.guest) for name, way in ways.items()}
    found: list[Row] = []
    for work in WORK:
        note(work.name)
        found += rows(work, ways, keys)
    said = ", ".join(f"{package} {version}" for package, version in versions.items())
    return Section(
        "delay of a TPM command",
        "a guest's /dev/tpm0, from write to response, by the guest's counter; the same kernel, initramfs and commands; "
        f"guests take turns, {ROUNDS} rounds; medians of each round's percentile, and the range of rounds below them; "
        f"traps to the hypervisor, to a tenth, without waits for interrupts; {said}",
        tuple(found),
    )


def _attestation_key(guest: CommandLoop) -> int:
    template = attestation_template("ecc").marshal()
    made = time_command(guest, 1, commands.create_primary(template))
    return int.from_bytes(made.response.body[:4])


def rows(work: Work, ways: Mapping[str, Way], keys: Mapping[str, int]) -> list[Row]:
    """Return percentiles and traps of one command on all ways; `keys` are the keys that quote there."""
    half: dict[str, list[float]] = {name: [] for name in ways}
    most: dict[str, list[float]] = {name: [] for name in ways}
    every: dict[str, list[float]] = {name: [] for name in ways}
    for turn, name in turns(list(ways), WARM_UP + ROUNDS):
        seconds = time_command(ways[name].guest, work.count, work.command(keys[name]), work.after).seconds
        if turn >= WARM_UP:
            half[name].append(percentile(seconds, 50))
            most[name].append(percentile(seconds, 99))
            every[name] += seconds
    p50, p99 = _series(half, "s"), _series(most, "s")
    targets = [_target(p50, name, limit) for name, limit in TARGETS.items() if work.judged and name in ways]
    counted = {name: [_traps(work, way, keys[name]) for _ in range(TRAP_COUNTS)] for name, way in ways.items()}
    return [
        Row(f"{work.name}: p50", p50, tuple(targets), every),
        Row(f"{work.name}: p99", p99),
        Row(f"{work.name}: traps" + (", with FlushContext" if work.after else ""), _series(counted, "")),
    ]


def _traps(work: Work, way: Way, key: int) -> float:
    def counted(count: int) -> int:
        return way.traps(lambda: repeat_command(way.guest, count, work.command(key), work.after))

    found = (counted(FEW + work.count) - counted(FEW)) / work.count
    return round(found, 1) + 0.0  # what the console does now and then is less than that; and no -0.0


def _target(row: Mapping[str, Series], name: str, limit: float) -> Target:
    found = ratio(row, name, RIVAL)
    return Target(f"{name}: {found:.3f} times {RIVAL}, ≤ {limit:g}", found <= limit)


def _series(samples: Mapping[str, Sequence[float]], unit: str) -> dict[str, Series]:
    return {name: Series(unit, tuple(values)) for name, values in samples.items()}
