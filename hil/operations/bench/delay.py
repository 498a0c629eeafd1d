"""Measures how long a guest waits for its TPM, through our queue and with an emulated TPM, and its traps."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labgrid import Environment

from hil.board.file.boardfile import BoardFile
from hil.firmware.bench import build_bench
from hil.operations.bench.figures import Goal, Row, Section, Series, percentile, ratio, turns
from hil.operations.bench.stopwatch import repeat_command, time_command
from hil.operations.bench.tpmpaths import BASELINE, DIRECT, QUEUE, direct_path, kvm_paths
from hil.target.tpm import commands
from hil.target.tpm.key import attestation_template, storage_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hil.linux.commandloop import CommandLoop
    from hil.operations.bench.tpmpaths import TpmPath

COLUMNS = (QUEUE, DIRECT, BASELINE)
ROUNDS = 4
WARM_UP = 1
TARGETS = {QUEUE: 1 / 5, DIRECT: 1 / 20}
"""The largest fraction of the baseline's p50 that each path may take, for workloads with targets."""
PCR = 10
NONCE = bytes(16)
TRAP_COUNTS = 3
FEW = 10
"""Traps are counted for a few commands and for many. The difference leaves out what else the guest does."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A TPM command, made for a handle of an attestation key, and how often a round sends it.

    `after` is sent after each command with the handle that it returned; `has_targets` is for commands with targets.
    """

    name: str
    command: Callable[[int], bytes]
    count: int
    after: bytes = b""
    has_targets: bool = False


WORKLOADS = (
    Workload("GetRandom, 16 bytes", lambda _: commands.get_random(16), 100, has_targets=True),
    Workload("PCR_Extend, SHA-256", lambda _: commands.pcr_extend(PCR, bytes(32)), 100, has_targets=True),
    Workload("Quote, ECC P-256", lambda key: commands.quote(key, NONCE, PCR), 25),
    Workload(
        "CreatePrimary, ECC P-256",
        lambda _: commands.create_primary(storage_template("ecc").marshal()),
        25,
        after=commands.flush_context(0),
    ),
)


def measure(board: Path, note: Callable[[str], None]) -> Section:
    """Measure on the board of file `board`, which boots into Linux, and on the one that its `direct_board` names.

    `note` is called with each step.
    """
    note("fetching QEMU and swtpm")
    images = build_bench()
    with contextlib.ExitStack() as running:
        linux = Environment(str(board))
        running.callback(linux.cleanup)
        paths = kvm_paths(linux, images, note)
        if name := BoardFile.of_environment(linux).direct_board:
            direct = Environment(str(board.with_name(f"{name}.yaml")))
            running.callback(direct.cleanup)
            paths[DIRECT] = direct_path(direct, images, note)
        return _measured({name: paths[name] for name in COLUMNS if name in paths}, images.versions, note)


def _measured(paths: Mapping[str, TpmPath], versions: Mapping[str, str], note: Callable[[str], None]) -> Section:
    keys = {name: _attestation_key(path.guest) for name, path in paths.items()}
    found: list[Row] = []
    for workload in WORKLOADS:
        note(workload.name)
        found += rows(workload, paths, keys)
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


def rows(workload: Workload, paths: Mapping[str, TpmPath], keys: Mapping[str, int]) -> list[Row]:
    """Return percentiles and traps of one command on all paths; `keys` are the attestation keys by path."""
    medians: dict[str, list[float]] = {name: [] for name in paths}
    tails: dict[str, list[float]] = {name: [] for name in paths}
    all_seconds: dict[str, list[float]] = {name: [] for name in paths}
    for turn, name in turns(list(paths), WARM_UP + ROUNDS):
        seconds = time_command(paths[name].guest, workload.count, workload.command(keys[name]), workload.after).seconds
        if turn >= WARM_UP:
            medians[name].append(percentile(seconds, 50))
            tails[name].append(percentile(seconds, 99))
            all_seconds[name] += seconds
    p50, p99 = _series(medians, "s"), _series(tails, "s")
    targets = [_target(p50, name, limit) for name, limit in TARGETS.items() if workload.has_targets and name in paths]
    counted = {name: [_traps(workload, path, keys[name]) for _ in range(TRAP_COUNTS)] for name, path in paths.items()}
    return [
        Row(f"{workload.name}: p50", p50, tuple(targets), all_seconds),
        Row(f"{workload.name}: p99", p99),
        Row(f"{workload.name}: traps" + (", with FlushContext" if workload.after else ""), _series(counted, "")),
    ]


def _traps(workload: Workload, path: TpmPath, key: int) -> float:
    def counted(count: int) -> int:
        return path.traps(lambda: repeat_command(path.guest, count, workload.command(key), workload.after))

    found = (counted(FEW + workload.count) - counted(FEW)) / workload.count
    return round(found, 1) + 0.0  # less than a tenth comes from the console; + 0.0 makes -0.0 positive


def _target(row: Mapping[str, Series], name: str, limit: float) -> Goal:
    found = ratio(row, name, BASELINE)
    return Goal(f"{name}: {found:.3f} times {BASELINE}, ≤ {limit:g}", found <= limit)


def _series(samples: Mapping[str, Sequence[float]], unit: str) -> dict[str, Series]:
    return {name: Series(unit, tuple(values)) for name, values in samples.items()}
