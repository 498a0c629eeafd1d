"""A board that is open for use: what the fixture `board` gives to tests, and `hil.connect` to scripts."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from hil.board.file.boardfile import BoardFile
from hil.deadline import Deadline
from hil.errors import BoardFileError, UsageError
from hil.manifest import find_manifest
from hil.record import BoardOfRun
from hil.record.inventory import take_stock
from hil.record.provenance import gather

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from labgrid import Environment, Target

    from hil.board.drivers.hostmemory import HostMemory
    from hil.board.strategy import BoardStrategy
    from hil.linux import GuestImages, Host, Machine
    from hil.record.transcript import TranscriptSink
    from hil.target.console import Console, Prompt
    from hil.target.monitor import Monitor
    from hil.target.vtpm import Hypervisor

EMULATOR_TOOL = "qemu"
"""The tool of a board file whose version a run is told with."""
OpenBoard = TypeVar("OpenBoard", bound="Board")
ENDS = ("monitor", "linux")
"""States in which boards of ours end: suites for the one skip boards that end in the other."""
WITH = {
    "uboot": "a U-Boot prompt (`UBootPromptDriver`)",
    "uefi_shell": "a UEFI shell (`UefiShellDriver`)",
    "shell": "a login shell on a serial line (`LoginShellDriver`)",
    "prompt": "a prompt on a serial line (`PromptDriver`)",
    "ssh": "SSH (`ParamikoDriver`)",
}
"""What a state needs for the fixtures of these names, in words."""


@dataclass(frozen=True, slots=True, repr=False)
class Board:
    """A board with the firmware under test: its features, and methods that bring it into a state.

    `firmware_hash` is empty if the images do not come from `hil build`.
    """

    name: str
    features: Mapping[str, str]
    firmware_hash: str
    target: Target
    strategy: BoardStrategy

    def __repr__(self) -> str:
        return f"<board {self.name}, at stage {self.stage or 'unknown'}>"

    @property
    def stage(self) -> str:
        """The stage that the board has reached."""
        return self.strategy.stage

    def transition(self, state: str) -> None:
        """Bring the board into `state`: off, flashed, or one of those that its file names."""
        if state in ENDS:
            self.require(state)
        self.strategy.transition(state)

    def fork(self, kept: Path | None = None) -> Monitor:
        """Return the monitor of the board in the state right after boot, or in one saved by `strategy.keep`."""
        monitor: Monitor = self.strategy.fork(kept)
        return monitor

    def guest_images(self) -> GuestImages:
        """Return where a guest's kernel and initramfs are in memory, from `options.guest_images` of the board file."""
        from hil.linux import GuestImages
        from hil.target.monitor import Loaded

        file = BoardFile.of_environment(self.target.env)
        try:
            kernel, initrd = (
                Loaded(file.guest_images[name], file.images[name].stat().st_size) for name in ("kernel", "initrd")
            )
        except (KeyError, OSError) as error:
            raise BoardFileError(
                f"the images of a guest for {self.name} are missing: {error}",
                hint="`options.guest_images` takes the addresses of `kernel` and `initrd`; hil build makes the images",
            ) from error
        return GuestImages(kernel, initrd)

    def guest_deadline(self) -> Deadline:
        """Return the deadline for a guest that starts now, from `options.guest_seconds` of the board file."""
        from hil.linux.commandloop import READY_SECONDS

        return Deadline.after(BoardFile.of_environment(self.target.env).guest_seconds or READY_SECONDS)

    def fork_linux(self, kept: Path | None = None) -> Host:
        """Return the board's Linux in the state right after boot, or in one saved by `strategy.keep`."""
        from hil.linux import Host

        self.strategy.fork_linux(kept)
        return Host(self.strategy, self.strategy.ssh)

    @contextlib.contextmanager
    def hypervisor(self, machine: Monitor | Host) -> Iterator[Hypervisor[Any]]:
        """Use the monitor, or Linux with KVM, as the hypervisor. VMs of KVM end with the block."""
        if "linux" in self.strategy.states:
            from hil.linux.agents import KvmHypervisor

            with KvmHypervisor(machine) as kvm:  # type: ignore[arg-type]
                yield kvm
        else:
            from hil.target.vtpm import MonitorHypervisor, Service

            yield MonitorHypervisor(Service(machine))  # type: ignore[arg-type]

    def fork_prompt(self, kind: str) -> Prompt:
        """Return the prompt of this kind (`uboot`, `uefi_shell`, `shell`, `prompt`) as it is right after boot.

        Raises `UsageError` if the board has none. In a suite the test is skipped instead.
        """
        prompt: Prompt = self.strategy.fork_at(self.require_use(kind))
        return prompt

    def fork_ssh(self) -> Machine:
        """Return the operating system of the board over SSH, right after boot. Raises `UsageError` without SSH."""
        from hil.linux import Machine

        state = self.require_use("ssh")
        self.strategy.fork_at(state)
        driver = self.strategy.driver_of(state)
        return Machine(self.name, lambda: driver.session)

    def fork_console(self, state: str = "") -> Console:
        """Return the main serial line of the board right after its boot to `state`, by default the last one."""
        state = state or self.strategy.plan.last
        self.require(state)
        self.strategy.fork_at(state)
        return self.console()

    def prompt(self) -> Prompt:
        """Return the prompt of the state that the board is in. Raises `UsageError` if it has none there."""
        prompt: Prompt = self.strategy.reached()
        return prompt

    def console(self, uart: str = "") -> Console:
        """Return a serial line of the running board, by default that of its prompt, else the first one."""
        return self.strategy.console(uart)

    def require_use(self, kind: str) -> str:
        """Return the state in which the board is used in this way. Raises `UsageError` if it has none."""
        if reason := self.lacks_use(kind):
            raise UsageError(reason, board=self.name)
        return self.strategy.state_with(kind)

    def lacks_use(self, kind: str) -> str:
        """Return why the board cannot be used in this way, empty if it can."""
        if self.strategy.state_with(kind):
            return ""
        return f"this board has no state with {WITH[kind]}; it has {', '.join(self.strategy.states)}"

    def require(self, state: str) -> None:
        """Raise `UsageError` if the board has no such state. In a suite the test is skipped instead."""
        if reason := self.lacks(state):
            raise UsageError(reason, board=self.name)

    def lacks(self, state: str) -> str:
        """Return why the board cannot be brought into a state, empty if it can."""
        known = self.strategy.states
        return "" if state in known else f"this board has no state `{state}`; it has {', '.join(known)}"

    def off(self) -> None:
        """Switch the board off, unless it has failed: then labgrid releases it at the end of the run."""
        if not self.strategy.broken:
            self.transition("off")

    def keeping_nvram(self) -> AbstractContextManager[None]:
        """Keep what the firmware stores, such as UEFI's variables, over power cycles inside of a block.

        Outside of it, an emulated board starts each time with the content of its image.
        """
        keeping: AbstractContextManager[None] = self.strategy.board.keeping_nvram()
        return keeping

    def host_memory(self) -> HostMemory:
        """Return the board's memory as the emulator's host sees it, valid until the next fork or power cycle."""
        memory: HostMemory = self.target.get_driver("HilQEMUDriver").host_memory()
        return memory


def open_board(target: Target, described: BoardOfRun | None, sink: TranscriptSink, kind: type[OpenBoard]) -> OpenBoard:
    """Return labgrid's `target` as an open board, whose consoles are written to `sink`; it is still off.

    `described` is what the record of the run says of it; `kind` is the class of the result.
    """
    strategy = target.get_strategy()
    strategy.sink = sink
    return kind(
        name=described.name if described else target.name,
        features=BoardFile.of_environment(target.env).features,
        firmware_hash=described.provenance.firmware_hash if described else "",
        target=target,
        strategy=strategy,
    )


def describe(environment: Environment, root: Path, why: str = "") -> BoardOfRun:
    """Return what a record says of the board of a labgrid environment, as it is now, for the tree at `root`."""
    board = BoardFile.of_environment(environment)
    provenance = gather(
        root,
        board.path,
        manifest=find_manifest(board.images.values()),
        inventory=take_stock(
            root,
            kind=board.kind,
            boots_into=board.boots_into,
            features=board.features,
            images=board.images,
            tools=board.tools,
            resources=board.resources,
        ),
        emulator=board.tools.get(EMULATOR_TOOL, ""),
    )
    return BoardOfRun(board.name, provenance, why)


def strategies(env: Environment) -> Iterator[Any]:
    """Yield the strategies of `env` that were used so far: labgrid makes them when they are asked for."""
    for target in env.targets.values():
        yield from (driver for driver in target.drivers if hasattr(driver, "broken"))
