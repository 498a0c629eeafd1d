"""labgrid driver: a real board with serial ports, a power switch, and a flasher."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attr
from labgrid.driver import Driver
from labgrid.exceptions import NoResourceFoundError
from labgrid.factory import target_factory
from labgrid.protocol import PowerProtocol
from labgrid.step import step

from hil.board.drivers.alarm import Alarm
from hil.board.drivers.heldports import HeldPorts
from hil.board.drivers.portlock import PortLocks, users
from hil.board.drivers.protocols import BoardProtocol, FlasherProtocol
from hil.board.drivers.serialline import Pace, SerialLine
from hil.board.drivers.serialport import IN_USE, RAW, name_of, unreachable
from hil.board.drivers.start import Start
from hil.board.drivers.uartdriver import UartDriver
from hil.board.file.labgridenv import board_name
from hil.board.flash import FlashPlan, FlashResult, Payload
from hil.consoletext import is_speech, sample
from hil.deadline import Deadline
from hil.errors import (
    BoardFileError,
    BoardUnreachable,
    ConsoleClosed,
    ConsoleInterrupted,
    HilError,
    InfrastructureError,
    PowerFailed,
)
from hil.record.transcript import MemorySink

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.board.flash import Meter
    from hil.record.transcript import Transcript, TranscriptSink

BY_HAND = "no flasher: by hand"
WITH_POWER_HINT = (
    "if the port is there only while the board has power, name it in `with_power` of the board's SerialBoardDriver"
)
APPEAR_SECONDS = 0.05
"""How often is looked for a port that appears with the power."""
LISTEN_SECONDS = 0.2
"""How long a board must be silent after it was switched off, to prove that the power switch is the right one."""

_SECONDS = attr.validators.instance_of((int, float))
_NAMES = attr.validators.deep_iterable(attr.validators.instance_of(str), attr.validators.instance_of(list))


@target_factory.reg_driver
@attr.s(eq=False)
class SerialBoardDriver(Driver, BoardProtocol):  # type: ignore[misc]
    """A real board, on the bench or in a lab.

    Args:
        uarts: names of the serial lines, each that of a serial port among the resources; the first one is the main one
        patience: seconds that a serial port may be away before the board counts as dead
        with_power: those of the serial lines whose port is there only while the board has power
        rest: seconds that the board stays off before it is switched on again
    """

    bindings = {"power": PowerProtocol, "flasher": {FlasherProtocol, None}}  # noqa: RUF012 - labgrid's way

    uarts: list[str] = attr.ib(validator=_NAMES)
    patience: float = attr.ib(default=10.0, validator=_SECONDS)
    with_power: list[str] = attr.ib(factory=list, validator=_NAMES)
    rest: float = attr.ib(default=1.0, validator=_SECONDS)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.sink: TranscriptSink = MemorySink()
        self.transcripts: Mapping[str, Transcript] = {}
        self.on_start: Callable[[Start], None] = lambda _start: None
        self._alarm: Alarm | None = None
        self._lines: dict[str, SerialLine] = {}
        self._off_since = time.monotonic()
        self._flashed = False
        self._locks = PortLocks()
        self._held = HeldPorts()
        for name in self.with_power:
            if name not in self.uarts:
                known = ", ".join(self.uarts)
                raise BoardFileError(f"SerialBoardDriver: `with_power` has `{name}`, but `uarts` has {known}")

    @property
    def board(self) -> str:
        """The board's name: that of its file."""
        return board_name(self.target)

    @property
    def dead(self) -> bool:
        """Whether the board is off, or its alarm has rung."""
        return self._alarm is None or self._alarm.ringing

    @property
    def alarm(self) -> Alarm:
        """The alarm of the current power cycle. Raises `ConsoleClosed` if the board is off."""
        if self._alarm is None:
            raise ConsoleClosed("the board is off", board=self.board)
        return self._alarm

    def ring(self, make_error: Callable[[], HilError]) -> None:
        """Make every use of the board fail from now on, until it is switched off."""
        if self._alarm is not None:
            self._alarm.ring(make_error)

    def uart(self, name: str) -> SerialLine:
        """Return a serial line of the running board, for use until the next power cycle."""
        if name not in self.uarts:
            raise BoardFileError(f"{self.board} has no serial line `{name}`; it has {', '.join(self.uarts)}")
        if name not in self._lines:
            raise ConsoleClosed("the board is off", board=self.board)
        return self._lines[name]

    def excuse(self) -> InfrastructureError | None:
        """Return an error if the power is off unexpectedly, or a line was away and so may have lost output."""
        get = getattr(self.power, "get", None)  # not every power switch can be asked
        with contextlib.suppress(Exception):  # nor does one that fails say anything about the board
            if get is not None and not get():
                return PowerFailed("the power switch is off, but this process did not switch it off", board=self.board)
        gone = [f"`{name}`" for name, line in self._lines.items() if line.interruptions]
        if gone:
            return ConsoleInterrupted(f"console {', '.join(gone)} was gone for a while")
        for line in self._lines.values():
            taken = line.silence()
            if isinstance(taken, InfrastructureError):
                return taken
        return None

    def missed(self, uart: str) -> str:
        """Say what the board may have said on a line before its port was open, empty if nothing."""
        if uart not in self.with_power:
            return ""
        return f"the port of `{uart}` appears with the power, and what the board said before is lost"

    def set_speed(self, uart: str, speed: int) -> None:
        """Listen to a serial line at `speed` baud; 0 is the speed of its port."""
        port = self._resource(uart)
        wanted = speed or int(port.speed)
        if getattr(port, "protocol", "") == RAW and wanted != port.speed:
            raise BoardFileError(
                f"stages on console `{uart}` have another speed ({wanted}) than its port, which has `protocol: raw`",
                board=self.board,
                hint="only a port of this machine, or one with `protocol: rfc2217`, can change its speed",
            )
        self.uart(uart).set_speed(wanted)

    @property
    def flashed(self) -> bool:
        """Whether this process has flashed the board, or found it flashed."""
        return self._flashed

    @property
    def forks(self) -> bool:
        """False: the state of hardware cannot be saved."""
        return False

    def flash_plan(self) -> FlashPlan:
        """Return what `flash_images` would do."""
        if self.flasher is None:
            return FlashPlan(BY_HAND, Payload(()), ())
        plan: FlashPlan = self.flasher.plan()
        return plan

    @step()  # type: ignore[untyped-decorator]
    def flash_images(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Switch the board off and flash it. A board without a flasher is flashed by hand."""
        self.off()
        self._flashed = False
        result = FlashResult(Payload(()), BY_HAND, written=False)
        if self.flasher is not None:
            result = self.flasher.flash(force=force, meter=meter)
        self._flashed = True
        return result

    @step()  # type: ignore[untyped-decorator]
    def on(self) -> None:
        """Switch on. Raises `BoardDirty` if the last flash failed, so that it is unknown what the board would boot."""
        if not self.dead:
            return
        if self.flasher is not None:
            self.flasher.check()
        self._close()
        time.sleep(max(0.0, self._off_since + self.rest - time.monotonic()))
        self._alarm = Alarm()
        try:
            for name in self.uarts:
                if name not in self.with_power:
                    self._lines[name] = self._open(name, self._alarm)
            self._be_silent(self._alarm)
            self._note(Start.POWER_ON)
            self.on_start(Start.POWER_ON)
            self._switch("on", self.power.on)
            for name in self.with_power:
                self._lines[name] = self._await_port(name, self._alarm)
        except BaseException:
            self._close()
            raise

    @step()  # type: ignore[untyped-decorator]
    def off(self) -> None:
        """Cut the power, even if somebody else has switched the board on."""
        for name in self.with_power:
            if line := self._lines.get(name):
                line.close()  # else it would be reported as gone
        self._switch("off", self.power.off)
        self._off_since = time.monotonic()
        self._note("power off")
        self._close()

    def cycle(self) -> None:
        """Switch off and on again."""
        self.off()
        self.on()

    def on_activate(self) -> None:
        """Open the transcripts, and keep the ports.

        Raises `PortInUse` if another program has one open, and `BoardUnreachable` if a server does not let us have one,
        as it does if somebody else has it: nobody else's board is switched off.
        """
        self.target.update_resources()
        try:
            for name in self.uarts:
                self._lock(name, self._resource(name))
            for name in self.uarts:
                if name not in self.with_power:
                    self._hold(name)
        except BaseException:
            self._release()
            raise
        self.transcripts = {name: self.sink.transcript(self.board, name) for name in self.uarts}

    def on_deactivate(self) -> None:
        """Switch off."""
        try:
            self.off()
        finally:
            self._release()
        self._flashed = False
        for transcript in self.transcripts.values():
            transcript.close()

    def resolve_conflicts(self, client: Any) -> None:
        """Resolve nothing: several serial lines may be in use at the same time."""

    def _open(self, name: str, alarm: Alarm) -> SerialLine:
        port = self._port(name)
        self._lock(name, port)
        try:
            return SerialLine(
                name,
                lambda: self._held.take(name, port),
                self.transcripts[name],
                alarm,
                self.patience,
                pace=self._pace(name),
                others=lambda: self._others(port),
            )
        except OSError as error:
            raise self._unreachable(name, port, error) from error

    def _hold(self, name: str) -> None:
        """Open the port of a line if it is on the network, and keep it open until the board is switched on."""
        if not hasattr(self._resource(name), "protocol"):
            return
        port = self._port(name)
        try:
            self._held.hold(name, port)
        except OSError as error:
            raise self._unreachable(name, port, error) from error

    def _unreachable(self, name: str, port: Any, error: OSError) -> BoardUnreachable:
        failure = unreachable(f"serial port `{name}`", error, self.board)
        missing = name_of(port) and not Path(name_of(port)).exists()
        if missing or IN_USE in failure.context.hint:  # a server also hangs up if its own port is not there
            failure.context = replace(failure.context, hint=f"{failure.context.hint}; {WITH_POWER_HINT}")
        return failure

    def _release(self) -> None:
        self._held.release()
        self._locks.release()

    def _await_port(self, name: str, alarm: Alarm) -> SerialLine:
        """Open a port that appears with the power."""
        deadline = Deadline.after(self.patience)
        while True:
            self.target.update_resources()
            try:
                if self._resource(name).avail:
                    return self._open(name, alarm)
            except BoardUnreachable as error:
                if deadline.expired:
                    raise BoardUnreachable(
                        f"{error.message}; it did not appear within {deadline} after the power was switched on",
                        board=self.board,
                        hint=error.context.hint.partition(";")[0],
                    ) from error
            if deadline.expired:
                raise BoardUnreachable(
                    f"serial port `{name}` did not appear within {deadline} after the power was switched on",
                    board=self.board,
                    hint="has the board power? does the board file name the right adapter?",
                )
            time.sleep(APPEAR_SECONDS)

    def _port(self, name: str) -> Any:
        port = self._resource(name)
        try:
            self.target.await_resources([port])
        except NoResourceFoundError as error:
            raise BoardUnreachable(
                f"serial port `{name}` is not there: {error.msg}",
                board=self.board,
                hint=f"is the adapter plugged in? {WITH_POWER_HINT}",
            ) from error
        return port

    def _resource(self, name: str) -> Any:
        for resource in self.target.resources:
            if resource.name == name and hasattr(resource, "speed"):
                return resource
        raise BoardFileError(f"{self.board} has no serial port `{name}` among its resources", board=self.board)

    def _lock(self, name: str, port: Any) -> None:
        if path := name_of(port):
            self._locks.take(path, f"serial port `{name}`", self.board)

    def _others(self, port: Any) -> str:
        return ", ".join(map(str, users(name_of(port)))) if name_of(port) else ""

    def _pace(self, name: str) -> Pace:
        """Return the pace that the line's `UartDriver` asks for."""
        for driver in self.target.drivers:
            if isinstance(driver, UartDriver) and (driver.uart or driver.name) == name:
                return Pace(driver.txchunk, driver.txdelay)
        return Pace()

    def _be_silent(self, alarm: Alarm) -> None:
        """Raise `PowerFailed` if there is text after switching off: then another board was switched off.

        Single bytes are no text: the line of a board without power may yield them at any time.
        """
        time.sleep(LISTEN_SECONDS)
        alarm.check()
        heard = {name: line.heard for name, line in self._lines.items()}
        for name, data in heard.items():
            if data and not is_speech(data):
                noise = f"ignored while the board had no power: {len(data)} bytes that are no text ({sample(data)})"
                self.transcripts[name].note(noise)
        speaking = [f"`{name}`" for name, data in heard.items() if is_speech(data)]
        if speaking:
            raise PowerFailed(
                f"the board was switched off, but there is output on console {', '.join(speaking)}",
                board=self.board,
                hint="does the board file name the right outlet, and the right serial port?",
            )

    def _switch(self, which: str, switch: Callable[[], None]) -> None:
        try:
            switch()
        except HilError:
            raise
        except Exception as error:  # each kind of power switch has its own
            raise PowerFailed(
                f"the power switch does not switch {which}: {error}",
                board=self.board,
                hint="is it reachable, and does the board file name the right outlet?",
            ) from error

    def _close(self) -> None:
        if self._alarm is not None:
            self._alarm.ring(lambda: ConsoleClosed("the board is off"))
            self._alarm = None
        for line in self._lines.values():
            line.close()
        self._lines = {}

    def _note(self, text: str) -> None:
        for transcript in self.transcripts.values():
            transcript.note(text)
