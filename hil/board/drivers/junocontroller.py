"""labgrid driver: the board controller of a Versatile Express board such as Juno, which has its own serial line.

It takes commands at its prompt, `Cmd>`; its `help` lists them. Other output differs between versions of its firmware,
so the driver waits for the prompt only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.protocol import PowerProtocol
from labgrid.step import step

from hil.board.drivers.alarm import Alarm
from hil.board.drivers.portlock import PortLocks
from hil.board.drivers.serialline import SerialLine
from hil.board.drivers.serialport import name_of, open_port, unreachable
from hil.board.file.labgridenv import board_name
from hil.deadline import Deadline
from hil.errors import ConsoleTimeout
from hil.record.transcript import Transcript

if TYPE_CHECKING:
    import serial

PROMPT = b"Cmd>"
ENTER = b"\r"
ASK_AGAIN_SECONDS = 2.0
"""After so long, Enter is pressed again: the controller ignores input while it boots the board."""

_SECONDS: Any = attr.validators.instance_of((int, float))


@target_factory.reg_driver
@attr.s(eq=False)
class JunoControllerDriver(Driver, PowerProtocol):  # type: ignore[misc]
    """Types commands at the controller's prompt. As a power switch, it uses `reboot` and `shutdown`.

    The controller itself has power as long as the board's mains switch is on.

    Args:
        patience: seconds that a command may take until the prompt is back
    """

    bindings = {"port": {"SerialPort", "NetworkSerialPort"}}  # noqa: RUF012 - labgrid's way

    patience: float = attr.ib(default=30.0, validator=_SECONDS)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._transcript = Transcript("controller")
        self._line: SerialLine | None = None
        self._locks = PortLocks()

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["command"])  # type: ignore[untyped-decorator]
    def run(self, command: str) -> None:
        """Type a command, and wait for its echo and then the prompt. Raises `ConsoleTimeout`."""
        deadline = Deadline.after(self.patience)
        self._await_prompt(deadline)
        self._type(command)
        self._await(re.compile(re.escape(command.encode()) + b".*" + PROMPT, re.DOTALL), deadline)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def on(self) -> None:
        """Start the board: the controller programs its flash from changed files first."""
        self._await_prompt(Deadline.after(self.patience))
        self._type("reboot")

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def off(self) -> None:
        """Cut the power of everything but the controller."""
        self.run("shutdown")

    @Driver.check_active  # type: ignore[untyped-decorator]
    def cycle(self) -> None:
        """Switch off and on again."""
        self.off()
        self.on()

    def on_activate(self) -> None:
        """Open the line. Raises `PortInUse` if another program has its port open."""
        if path := name_of(self.port):
            self._locks.take(path, "the serial port of the board controller", board_name(self.target))
        try:
            self._line = SerialLine("controller", self._open, self._transcript, Alarm(), self.patience)
        except OSError as error:
            self._locks.release()
            raise unreachable("the serial port of the board controller", error, board_name(self.target)) from error

    def on_deactivate(self) -> None:
        """Close the line."""
        if self._line is not None:
            self._line.close()
            self._line = None
        self._locks.release()

    def _open(self) -> serial.SerialBase:
        return open_port(self.port)

    def _type(self, text: str) -> None:
        assert self._line is not None
        self._line.send(text.encode() + ENTER)

    def _await_prompt(self, deadline: Deadline) -> None:
        """Press Enter until the prompt appears."""
        while True:
            self._type("")
            try:
                self._await(re.compile(PROMPT), deadline.at_most(ASK_AGAIN_SECONDS))
            except ConsoleTimeout as error:
                if deadline.expired:
                    raise ConsoleTimeout(
                        f"the board controller shows no prompt within {deadline}",
                        board=board_name(self.target),
                        console=self._transcript.tail(),
                        hint="is its power on, and is this the controller's serial port, not the board's?",
                    ) from error
            else:
                return

    def _await(self, pattern: re.Pattern[bytes], deadline: Deadline) -> None:
        assert self._line is not None
        said = b""
        while not pattern.search(said):
            said += self._line.receive(deadline)
