"""labgrid strategy: brings a board into the states that its file names, and forks it.

A fork puts the board into exactly the state that it has after boot, for every test anew. Where the board's state can be
saved, this takes a fraction of a second instead of a boot: the state is saved once, and each fork continues from it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attr
from labgrid.exceptions import NoResourceFoundError
from labgrid.factory import target_factory
from labgrid.step import step
from labgrid.strategy import Strategy

from hil.board.drivers.protocols import BoardProtocol
from hil.board.drivers.start import Start
from hil.board.file import written
from hil.board.file.attributes import WRITTEN_AS
from hil.board.file.boardfile import BoardFile
from hil.board.file.boot import FLASHED, LINUX, MONITOR, OFF, BootPlan
from hil.board.snapshot import SnapshotStore, snapshot_key
from hil.board.strategy.breaking import breaking
from hil.board.strategy.connection import connection_of
from hil.board.strategy.hangup import hang_up
from hil.board.strategy.identity import BuildWatch, expected_builds
from hil.board.strategy.watch import BootWatch
from hil.deadline import Deadline
from hil.errors import (
    BoardFileError,
    BoardSilent,
    BoardUnreachable,
    BootHang,
    HilError,
    UsageError,
    WrongFirmware,
)
from hil.target.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hil.board.flash import FlashResult, Meter
    from hil.board.ssh import Session
    from hil.record.transcript import Transcript, TranscriptSink
    from hil.target.monitor import Monitor


@target_factory.reg_driver
@attr.s(eq=False)
class BoardStrategy(Strategy):  # type: ignore[misc]
    """Brings a board into a state. Errors say which stage the boot had reached.

    Args:
        states: the states of the board by name, in the order of its boot; each with its `deadline` in seconds, the
            `banners` (stage, uart, line) that lead to it, and the `driver` by which the board is used there
        panics: lines (uart, line) with which the firmware says that it cannot go on
    """

    bindings = {  # noqa: RUF012 - labgrid's way
        "board": BoardProtocol,
        "shell": {"MonitorDriver", None},
        "ssh": {"ParamikoDriver", None},
    }

    broken: Exception | None

    states: dict[str, Any] = attr.ib(
        factory=dict, validator=attr.validators.instance_of(dict), metadata={WRITTEN_AS: written.States}
    )
    panics: list[Any] = attr.ib(
        factory=list, validator=attr.validators.instance_of(list), metadata={WRITTEN_AS: list[written.WrittenPanic]}
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.status = OFF
        self.snapshots = SnapshotStore.default()
        self._snapshots: dict[str, Path] = {}
        self._kept: dict[Path, str] = {}
        self._watch: BootWatch | None = None
        self._builds: BuildWatch | None = None
        self._wrote = False
        self._resuming = ""
        self.forks_again = True
        """Whether another fork will follow, so that it pays to prepare it in the background."""
        try:
            self._plan = BootPlan.parse(self.states, self.panics, self.board.uarts)
            defaults = {MONITOR: self.shell, LINUX: self.ssh}
            self._connections = {
                state: connection_of(self.target, state, plan, defaults.get(state))
                for state, plan in self._plan.states.items()
            }
        except BoardFileError as error:
            # Only here is the name of the board file known.
            message = f"{self.target.env.config_file}: BoardStrategy: {error.message}"
            raise BoardFileError(message, board=self.board.board) from None

    @property
    def sink(self) -> TranscriptSink:
        """Where transcripts go; set it before the first transition."""
        sink: TranscriptSink = self.board.sink
        return sink

    @sink.setter
    def sink(self, sink: TranscriptSink) -> None:
        self.board.sink = sink

    @property
    def transcripts(self) -> Mapping[str, Transcript]:
        """The transcript of each serial line, by name; empty before the first transition."""
        transcripts: Mapping[str, Transcript] = self.board.transcripts
        return transcripts

    @property
    def plan(self) -> BootPlan:
        """The states of this board and the banners that lead to them."""
        return self._plan

    @property
    def stage(self) -> str:
        """The last stage that the board itself announced, or the state it is in."""
        announced = self._watch.stage if self._watch else ""
        plan = self._plan.states.get(self.status)
        return announced if announced and (plan is None or plan.banners) else self.status

    def state_with(self, kind: str) -> str:
        """Return the last state in which the board is used in this way, such as `uboot`; empty if there is none."""
        found = (state for state, connection in reversed(self._connections.items()) if connection.kind == kind)
        return next(found, "")

    def console(self, uart: str = "") -> Console:
        """Return a serial line of the running board as a console, by default that of the prompt, else the first.

        The console of a prompt is that of its driver, so that both read on where the other one has stopped.
        """
        connection = self._connections.get(self.status)
        if connection is not None and connection.prompt is not None and uart in ("", connection.uart):
            console: Console = connection.reached.console
            return console
        return Console(self.board.uart(uart or self.board.uarts[0]), excuse=self.board.excuse)

    def reached(self) -> Any:
        """Return what the driver of the present state gives, such as a `Prompt`. Raises `UsageError` without one."""
        connection = self._connections.get(self.status)
        if connection is None or connection.driver is None:
            raise UsageError(f"the board has no prompt in state `{self.status}`", board=self.board.board)
        return connection.reached

    def driver_of(self, state: str) -> Any:
        """Return the driver by which the board is used in a state; None if by none."""
        return self._connections[state].driver

    @property
    def dead(self) -> bool:
        """Whether the board was lost: it is in a state that takes power, and does not run."""
        return self._dead()

    @breaking
    @step(args=["status"])  # type: ignore[untyped-decorator]
    def transition(self, status: str) -> None:
        """Bring the board into a state: off, flashed, or one of those that its file names.

        Nothing happens if the board is in that state and alive. If it is beyond it or dead, it is switched off first,
        because there is no way back.
        """
        try:
            wanted = self._plan.state(status)
        except UsageError as error:
            raise error.within(board=self.board.board) from None
        order = self._plan.order
        if self.status == wanted and not self._dead():
            return
        if order.index(self.status) >= order.index(wanted) or self._dead():
            self._enter(OFF)
        self._advance(wanted)

    @breaking
    @step()  # type: ignore[untyped-decorator]
    def fork(self, kept: Path | None = None) -> Monitor:
        """Put the board into exactly the state after boot, or the one saved by `keep`; return its monitor.

        If no snapshot of the state exists, boots the board and saves one. The next fork is prepared in the background,
        if `forks_again`.
        """
        monitor: Monitor = self._fork(MONITOR, kept)
        return monitor

    @breaking
    @step()  # type: ignore[untyped-decorator]
    def fork_linux(self, kept: Path | None = None) -> Session:
        """Put the board into exactly the state after boot, as `fork`, and return a connection to its Linux."""
        session: Session = self._fork(LINUX, kept)
        return session

    @breaking
    @step(args=["state"])  # type: ignore[untyped-decorator]
    def fork_at(self, state: str, kept: Path | None = None) -> Any:
        """Put the board into exactly the state that it has when it reaches `state`, or the one saved by `keep`.

        Returns what the driver of the state gives: a `Prompt`, a `Session`, a `Monitor`; None without one.
        """
        return self._fork(self._plan.state(state), kept)

    @breaking
    @step()  # type: ignore[untyped-decorator]
    def keep(self) -> Path:
        """Save the current state of the board, and return a path that `fork` takes during this run.

        The board is halted until the next fork. The connection to its Linux is closed, because the board's half of it
        would be saved, too, and every fork would have a dead connection.
        """
        if not self.board.forks:
            raise UsageError("this board's state cannot be saved", board=self.board.board)
        self._hang_up()
        self.snapshots.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".kept-", dir=self.snapshots.root) as directory:
            state = Path(directory) / "state"
            self.board.save(state)
            held = self._held(state)
        self._kept[held] = self.status
        return held

    @step(args=["name"])  # type: ignore[untyped-decorator]
    def stored(self, name: str, ingredients: str, bring: Callable[[], object]) -> Path:
        """Return a saved state that `bring` brings the board into, as `keep` does; `bring` runs only if none is stored.

        A stored state is found again, by later runs, too, by its `name`, the machine with its images, and
        `ingredients`: everything else that the state depends on. The board stays in use, whatever `bring` raises.
        """
        key = self._stored_key(name, ingredients)
        if (found := self.snapshots.find(key)) is None:
            with self.board.to_be_saved():
                bring()
                found = self._store(key)
        return self._held(found)

    @breaking
    def _stored_key(self, name: str, ingredients: str) -> str:
        if not self.board.forks:
            raise UsageError("this board's state cannot be saved", board=self.board.board)
        self._activate()
        return self._key(name, ingredients)

    @breaking
    def _store(self, key: str) -> Path:
        self._hang_up()
        return self.snapshots.create(key, self.board.save)

    @breaking
    def flash(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Switch the board off and flash it, unless it is known to have the images; `force` flashes it anyway."""
        self._enter(OFF)
        result = self._flash(force=force, meter=meter)
        self.status = FLASHED
        return result

    def _fork(self, state: str, kept: Path | None = None) -> Any:
        if state not in self._plan.states:
            raise UsageError(f"the board boots into `{self._plan.last}`, not `{state}`", board=self.board.board)
        self._activate()
        if not self.board.forks:
            return self._boot_again(state)
        # The path stays valid for this run (`_held`), so that the snapshot is looked up and verified only once.
        if kept is None and state not in self._snapshots:
            self._snapshots[state] = self._held(self._find_or_make_snapshot(state))
        snapshot = kept or self._snapshots[state]
        state = self._kept.get(snapshot, state)
        self._follow()
        self.status = OFF  # if resuming fails, nothing runs
        self._resuming = state
        self.board.resume(snapshot)
        self.status = state
        reached = self._connect(state, resumed=True)
        if self.forks_again:
            self.board.prepare(snapshot)
        return reached

    def _boot_again(self, state: str) -> Any:
        """Fork a board whose state cannot be saved: boot it, without flashing it again."""
        self._enter(OFF)
        if self.board.flashed:
            self.status = FLASHED
        self._advance(state)
        return self._connections[state].reached

    @contextlib.contextmanager
    def expecting_reboot(self) -> Iterator[None]:
        """Allow the board to reboot inside this block; at the end, wait until it is back in its state."""
        for connection in self._connections.values():
            connection.forget()
        with self._follow().expecting_reboot():
            yield
            order = self._plan.order
            for state in order[: order.index(self.status) + 1]:
                if state in self._plan.states:
                    self._leave_for(state)
                    self._await(state)
                    if not self._connections[state].over_network and state not in (MONITOR, LINUX):
                        self._connect(state)

    def force(self, status: str) -> None:
        """Switch a broken board off, and use it again."""
        if status != OFF:
            raise UsageError("a board can only be forced to `off`", board=self.board.board)
        self.broken = None
        self._enter(OFF)

    def _advance(self, wanted: str) -> None:
        """Enter all states from the present one up to `wanted`.

        A board that turns out to run something else than the note on its medium says is flashed once.
        """
        order = self._plan.order
        try:
            for state in order[order.index(self.status) + 1 : order.index(wanted) + 1]:
                self._enter(state)
        except WrongFirmware as error:
            if self._wrote or not self.board.flash_plan().payload.files:
                raise
            for transcript in self.transcripts.values():
                transcript.note(f"{error.message}: flashing it")
            self._enter(OFF)
            self._flash(force=True)
            self.status = FLASHED
            self._advance(wanted)

    @step(args=["state"], tag="stage")  # type: ignore[untyped-decorator]
    def _enter(self, state: str) -> None:
        self._activate()
        if state == OFF:
            self._disconnect()
            self.board.off()
        elif state == FLASHED:
            self._flash()
        else:
            if self.status in (OFF, FLASHED):
                self._follow()
                self.board.on()
            self._leave_for(state)
            self._await(state)
            self._connect(state)
        self.status = state

    def _leave_for(self, state: str) -> None:
        """Type the command that leads to a state, if there is one, at the prompt of the state before."""
        states = [*self._plan.states]
        number = states.index(state)
        if number:
            before = self._connections[states[number - 1]]
            self._follow().at_prompt(before.uart, None)
            if command := self._plan.states[state].command:
                before.leave(command)

    def _flash(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        result: FlashResult = self.board.flash_images(force=force, meter=meter)
        self._wrote = result.written
        if self.ssh is not None and result.written:
            self.ssh.renew_host_key()
        return result

    def _await(self, state: str) -> None:
        plan = self._plan.states[state]
        deadline = Deadline.after(plan.deadline)
        for banner in plan.banners:
            if banner.speed or self._changes_speed(banner.uart):
                self.board.set_speed(banner.uart, banner.speed)
            try:
                self._follow().wait(banner.stage, deadline, self.board.alarm)
            except HilError as error:
                # A silent board is the firmware's fault unless power or a line failed, which the board may know.
                doing = f"bringing the board into state `{state}`"
                excuse = self.board.excuse() if isinstance(error, BootHang | BoardSilent) else None
                if excuse is not None:
                    why = f"{error.message}; but {excuse.message}"
                    raise type(excuse)(why, doing=doing, stage=self.stage, console=error.context.console) from error
                raise error.within(doing=doing, stage=self.stage) from error
        if self._builds is not None:
            try:
                self._builds.compare()
            except WrongFirmware as error:
                raise error.within(doing="comparing build ids", board=self.board.board, stage=self.stage) from None

    def _changes_speed(self, uart: str) -> bool:
        return any(banner.speed for banner in self._plan.banners if banner.uart == uart)

    def _connect(self, state: str, *, resumed: bool = False) -> Any:
        """Connect to the board in a state, and return what the state's driver gives; None without a driver."""
        connection = self._connections[state]
        deadline = Deadline.after(self._plan.states[state].deadline)
        if connection.over_network:
            self.board.join_network(deadline)
        watch = self._follow()
        if connection.prompt is not None:
            connection.driver.judge_with(lambda: watch.judging(connection.uart))
        try:
            reached = connection.resume(deadline) if resumed else connection.connect(deadline)
        except BootHang as error:
            silent = watch.silent(deadline) or self.board.excuse() or error
            raise silent.within(doing=f"bringing the board into state `{state}`", stage=self.stage) from None
        watch.at_prompt(connection.uart, connection.prompt)
        return reached

    def _disconnect(self) -> None:
        for connection in self._connections.values():
            connection.disconnect()

    def _find_or_make_snapshot(self, state: str) -> Path:
        key = self._key(state)
        found = self.snapshots.find(key)
        if found is not None:
            return found
        self.transition(OFF)
        if self._connections[state].over_network:
            # without connecting: the board's half of the connection would be saved, too
            order = self._plan.order
            before = order[order.index(state) - 1]
            self.transition(before)
            if before == FLASHED:
                self._follow()
                self.board.on()
            self._leave_for(state)
            self._await(state)
        else:
            self.transition(state)
        return self.snapshots.create(key, self.board.save)

    def _key(self, state: str, ingredients: str = "") -> str:
        """Return the key of a saved state of this board with the images that it has been flashed with."""
        if not self.board.flashed:
            self._enter(FLASHED)
        return snapshot_key(self.board.board, state, self.board.identity(), ingredients)

    def _hang_up(self) -> None:
        """Close a connection over the network: the board's half of it would be saved, too."""
        connection = self._connections.get(self.status)
        if connection is None:
            raise UsageError("the board is off: there is no state to save", board=self.board.board)
        if connection.over_network:
            plan = self._plan.states[self.status]
            hang_up(connection.driver, self.board.uart(plan.banners[-1].uart), Deadline.after(plan.deadline))

    def _held(self, snapshot: Path) -> Path:
        """Return a path by which a snapshot can be opened even after another process has removed it from the store."""
        descriptor = os.open(snapshot, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, descriptor)
        return Path(f"/proc/{os.getpid()}/fd/{descriptor}")

    def _activate(self) -> None:
        try:
            self.target.activate(self.board)
            for connection in self._connections.values():
                connection.activate()
        except NoResourceFoundError as error:
            missing = ", ".join(map(_called, error.filter or ())) or error.msg
            why = f"some resources of the board file are missing: {missing}"
            raise BoardUnreachable(why, hint="check cables, power, and the lab's exporter") from error

    def _follow(self) -> BootWatch:
        """Return the watch. Makes a new one if the transcripts are new: the board's driver was activated again."""
        if self._watch is None or not self._watch.follows(self.board.transcripts):
            board = self.board
            self._watch = BootWatch(
                self._plan.banners,
                self._plan.panics,
                board.transcripts,
                board.ring,
                excuse=board.excuse,
                missed=board.missed,
                lossless=board.lossless,
            )
            images = BoardFile.of_environment(self.target.env).images.values()
            self._builds = BuildWatch(board.transcripts, expected_builds(images))
            board.on_start = self._started
        return self._watch

    def _started(self, start: Start) -> None:
        if self._watch is not None and self._builds is not None:
            resumed = self._plan.banners_until(self._resuming) if start is Start.RESUME else 0
            self._watch.started(start, resumed)
            self._builds.started()

    def _dead(self) -> bool:
        return self.status in self._plan.states and self.board.dead


def _called(resource: Any) -> str:
    """Describe a labgrid resource as the board file does."""
    match = ", ".join(f"{key}={value}" for key, value in getattr(resource, "match", {}).items())
    return " ".join(word for word in (type(resource).__name__, resource.name, match) if word)
