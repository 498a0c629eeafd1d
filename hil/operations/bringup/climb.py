"""Brings a board up, stage by stage, through its strategy, and says where it stopped and why."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hil.board.drivers.videocore import BootRefused
from hil.errors import BoardSilent, BootHang, HilError
from hil.operations.bringup import trials
from hil.operations.bringup.diagnosis import Stop, diagnose
from hil.operations.bringup.ladder import (
    DEVICE,
    FLASHED,
    INSTANCE,
    POWER,
    SELF_CHECK,
    SERIAL,
    SSH,
    TPM,
    VERSION,
    Outcome,
    Step,
    ladder,
)
from hil.operations.bringup.sight import Sight
from hil.target.crash import explain_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hil.board.strategy import BoardStrategy
    from hil.operations.bringup.ladder import Stage
    from hil.target.crash import Crash, Elf

_SERVICE = "service"


class Climb:
    """One way up. `news` is called with all steps whenever one of them changes, from several threads.

    `features` are those of the board file; `images` are the ELF files that explain addresses.
    """

    def __init__(
        self,
        strategy: BoardStrategy,
        features: Mapping[str, str],
        images: Sequence[Elf] = (),
        news: Callable[[Sequence[Step]], None] = lambda _steps: None,
    ) -> None:
        self.strategy = strategy
        self.error: HilError | None = None
        """What ended the climb, if it did not get to the top."""
        self._features = features
        self._images = images
        self.news = news
        self._linux = strategy.plan.last == "linux"
        self._ladder = ladder(strategy.plan.banners, linux=self._linux)
        self._sight: Sight | None = None
        self._reached: dict[Stage, tuple[float, str]] = {}
        self._stopped: Step | None = None
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def run(self) -> tuple[Step, ...]:
        """Climb as far as it goes, and return all steps. The board is left on, where it stopped."""
        self._began = time.monotonic()
        try:
            for stage, seen in self._climb():
                self._reach(stage, seen)
        except HilError as error:
            self._look()
            self.error = error
            self._stopped = self._stop(error)
        self.news(self.steps)
        return self.steps

    @property
    def steps(self) -> tuple[Step, ...]:
        """All stages, as far as it has come."""
        return tuple(self._steps())

    def _climb(self) -> Iterator[tuple[Stage, str]]:
        strategy = self.strategy
        strategy.transition("off")
        strategy.transition("flashed")
        yield FLASHED, ""
        self._sight = Sight(strategy.transcripts, strategy.plan.banners, self._saw)
        try:
            strategy.transition(strategy.plan.last)
        finally:
            self._look()
            self._check_announcement()
        yield from self._through_linux() if self._linux else self._through_monitor()

    def _through_monitor(self) -> Iterator[tuple[Stage, str]]:
        from hil.target.vtpm import Service

        monitor = self.strategy.shell.monitor
        service = Service(monitor)
        yield VERSION, trials.version(service)
        vm = monitor.create_vm()
        made = service.create(vm.id, persistent=False)
        yield INSTANCE, f"queue of {made.queue_bytes} bytes at {made.queue_pa:#x}"
        yield TPM, trials.tpm_through_guest(vm, made)

    def _through_linux(self) -> Iterator[tuple[Stage, str]]:
        from hil.linux import Host

        host = Host(self.strategy, self.strategy.ssh)
        yield SSH, host.run(["uname", "-sr"]).text
        yield DEVICE, trials.device(host)
        yield TPM, trials.tpm_through_host(host)

    def _check_announcement(self) -> None:
        """Hold the line by which the service makes itself known against the board file."""
        said = self._sight.banners.get(_SERVICE) if self._sight else None
        if said:
            self._reach(SELF_CHECK, trials.self_check(said[0][1], self._features), said[0][0])

    def _saw(self) -> None:
        self._look()
        self.news(self.steps)

    def _look(self) -> None:
        """Take over what the serial lines have shown until now."""
        sight = self._sight
        if sight is None:
            return
        with self._lock:
            if sight.serial or isinstance(self.strategy.broken, BoardSilent | BootRefused):
                self._reached.setdefault(POWER, (sight.began, ""))
            if sight.serial:
                self._reached[SERIAL] = (sight.serial[0], f"on `{sight.serial[1]}`")
            for stage in self._ladder:
                seen = sight.banners.get(stage.name)
                if seen:
                    self._reached[stage] = seen[0]

    def _reach(self, stage: Stage, seen: str, at: float | None = None) -> None:
        with self._lock:
            self._reached[stage] = (time.monotonic() if at is None else at, seen)
        self.news(self.steps)

    def _stop(self, error: HilError) -> Step:
        steps = self.steps
        stage = next(step.stage for step in steps if step.outcome is Outcome.NOT_TRIED)
        spent = time.monotonic() - self._began - sum(step.seconds for step in steps)
        causes = diagnose(Stop(stage, error, self._sight, self._crash(error)))
        return Step(stage, Outcome.STOPPED, error.message, spent, causes)

    def _crash(self, error: HilError) -> Crash | None:
        """Return what the error means; of a boot that stands still, where the processors are, if that can be known."""
        if isinstance(error, BoardSilent | BootHang):
            line = self.strategy.board.uart(self.strategy.plan.banners[0].uart)
            return explain_error(line.silence() or error, self._images)
        return explain_error(error, self._images)

    def _steps(self) -> Iterator[Step]:
        with self._lock:
            reached = dict(self._reached)
        before = self._began
        for stage in self._ladder:
            if stage in reached:
                at, seen = reached[stage]
                yield Step(stage, Outcome.REACHED, seen, max(at - before, 0.0))
                before = at
            elif self._stopped and stage == self._stopped.stage:
                yield self._stopped
            else:
                yield Step(stage, Outcome.NOT_TRIED)
