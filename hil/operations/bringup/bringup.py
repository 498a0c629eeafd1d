"""Brings a board up through its strategy, stage by stage, and finds out where it stopped and why."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hil.board.drivers.videocore import BootRefused
from hil.errors import BoardSilent, BootHang, HilError
from hil.operations.bringup import probes
from hil.operations.bringup.diagnosis import Stop, diagnose
from hil.operations.bringup.observer import BootObserver
from hil.operations.bringup.stages import (
    DEVICE,
    FLASHED,
    INSTANCE,
    POWER,
    SELF_CHECK,
    SERIAL,
    SSH,
    TPM,
    VERSION,
    BringUpStep,
    Ending,
    StageOutcome,
    ending_of,
    stages_of,
    use_of,
)
from hil.target.crash import explain_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hil.board.strategy import BoardStrategy
    from hil.operations.bringup.stages import BringUpStage
    from hil.target.crash import Crash, Elf

_SERVICE = "service"


class BringUp:
    """The bring-up of one board. `on_change` is called with all steps when one of them changes, from several threads.

    `features` are those of the board file; `images` are the ELF files that explain addresses; `platform` is the one of
    the board file, whose traps are among the likely causes.
    """

    def __init__(
        self,
        strategy: BoardStrategy,
        features: Mapping[str, str],
        images: Sequence[Elf] = (),
        on_change: Callable[[Sequence[BringUpStep]], None] = lambda _steps: None,
        platform: str = "",
    ) -> None:
        self.strategy = strategy
        self.error: HilError | None = None
        """The error that ended the bring-up, None if it is complete."""
        self._features = features
        self._images = images
        self._platform = platform
        self.on_change = on_change
        self._ending = ending_of(strategy.plan)
        self._stages = stages_of(strategy.plan, self._ending)
        self._observer: BootObserver | None = None
        self._reached: dict[BringUpStage, tuple[float, str]] = {}
        self._stopped: BringUpStep | None = None
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def run(self) -> tuple[BringUpStep, ...]:
        """BringUp as far as it goes, and return all steps. The board is left on, where it stopped."""
        self._began = time.monotonic()
        try:
            for stage, seen in self._run_stages():
                self._reach(stage, seen)
        except HilError as error:
            self._mark_reached()
            self.error = error
            self._stopped = self._stop(error)
        self.on_change(self.steps)
        return self.steps

    @property
    def steps(self) -> tuple[BringUpStep, ...]:
        """All stages with their current outcome."""
        return tuple(self._steps())

    def _run_stages(self) -> Iterator[tuple[BringUpStage, str]]:
        strategy = self.strategy
        strategy.transition("off")
        strategy.transition("flashed")
        yield FLASHED, ""
        self._observer = BootObserver(strategy.transcripts, strategy.plan.banners, self._on_seen)
        try:
            for state, plan in strategy.plan.states.items():
                strategy.transition(state)
                if plan.driver and self._ending is Ending.OTHER:
                    yield use_of(state, plan), ""
        finally:
            self._mark_reached()
            self._check_announcement()
        if self._ending is Ending.LINUX:
            yield from self._through_linux()
        elif self._ending is Ending.MONITOR:
            yield from self._through_monitor()

    def _through_monitor(self) -> Iterator[tuple[BringUpStage, str]]:
        from hil.target.vtpm import Service

        monitor = self.strategy.shell.monitor
        service = Service(monitor)
        yield VERSION, probes.version(service)
        vm = monitor.create_vm()
        made = service.create(vm.id, persistent=False)
        yield INSTANCE, f"queue of {made.queue_bytes} bytes at {made.queue_pa:#x}"
        yield TPM, probes.tpm_through_guest(vm, made)

    def _through_linux(self) -> Iterator[tuple[BringUpStage, str]]:
        from hil.linux import Host

        host = Host(self.strategy, self.strategy.ssh)
        yield SSH, host.run(["uname", "-sr"]).text
        yield DEVICE, probes.device(host)
        yield TPM, probes.tpm_through_host(host)

    def _check_announcement(self) -> None:
        """Check the banner of the service against the board file."""
        said = self._observer.banners.get(_SERVICE) if self._observer else None
        if said:
            self._reach(SELF_CHECK, probes.self_check(said[0][1], self._features), said[0][0])

    def _on_seen(self) -> None:
        self._mark_reached()
        self.on_change(self.steps)

    def _mark_reached(self) -> None:
        """Mark the stages that the serial lines have shown to be reached."""
        observer = self._observer
        if observer is None:
            return
        with self._lock:
            if observer.serial or isinstance(self.strategy.broken, BoardSilent | BootRefused):
                self._reached.setdefault(POWER, (observer.began, ""))
            if observer.serial:
                self._reached[SERIAL] = (observer.serial[0], f"on `{observer.serial[1]}`")
            for stage in self._stages:
                seen = observer.banners.get(stage.name)
                if seen:
                    self._reached[stage] = seen[0]

    def _reach(self, stage: BringUpStage, seen: str, at: float | None = None) -> None:
        with self._lock:
            self._reached[stage] = (time.monotonic() if at is None else at, seen)
        self.on_change(self.steps)

    def _stop(self, error: HilError) -> BringUpStep:
        steps = self.steps
        stage = next(step.stage for step in steps if step.outcome is StageOutcome.NOT_TRIED)
        spent = time.monotonic() - self._began - sum(step.seconds for step in steps)
        causes = diagnose(Stop(stage, error, self._observer, self._crash(error), self._platform))
        return BringUpStep(stage, StageOutcome.STOPPED, error.message, spent, causes)

    def _crash(self, error: HilError) -> Crash | None:
        """Return the crash behind an error. For a boot that hangs, it shows where the processors are, if known."""
        if isinstance(error, BoardSilent | BootHang):
            line = self.strategy.board.uart(self.strategy.plan.banners[0].uart)
            return explain_error(line.silence() or error, self._images)
        return explain_error(error, self._images)

    def _steps(self) -> Iterator[BringUpStep]:
        with self._lock:
            reached = dict(self._reached)
        before = self._began
        for stage in self._stages:
            if stage in reached:
                at, seen = reached[stage]
                yield BringUpStep(stage, StageOutcome.REACHED, seen, max(at - before, 0.0))
                before = at
            elif self._stopped and stage == self._stopped.stage:
                yield self._stopped
            else:
                yield BringUpStep(stage, StageOutcome.NOT_TRIED)
