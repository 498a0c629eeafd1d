"""labgrid driver: a board emulated by QEMU, with several serial lines, a power switch, and RAM snapshots."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attr
from labgrid.driver import QEMUDriver
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol
from labgrid.step import step
from pexpect import TIMEOUT  # type: ignore[import-untyped]

from hil.board.drivers.emulator import CONTROL_SECONDS, Emulator
from hil.board.drivers.hostmemory import HostMemory
from hil.board.drivers.image import FlashedImage, flash
from hil.board.drivers.machinememory import OF_MACHINE, MachineMemory, has_memory, size_of
from hil.board.drivers.nvram import Nvram
from hil.board.drivers.protocols import BoardProtocol
from hil.board.drivers.start import Start
from hil.board.file import labgridenv
from hil.board.flash import FlashPlan, FlashResult, Payload, PayloadFile
from hil.deadline import Deadline
from hil.errors import BoardFileError, ConsoleClosed, ConsoleTimeout, InfrastructureError
from hil.firmware.machine import option_value
from hil.hashes import known_sha256
from hil.record.transcript import MemorySink
from hil.tools import missing_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from hil.board.drivers.alarm import Alarm
    from hil.board.drivers.uart import Uart
    from hil.board.flash import Meter
    from hil.console import ByteStream
    from hil.errors import HilError
    from hil.record.transcript import Transcript, TranscriptSink


_NAMES = attr.validators.deep_iterable(attr.validators.instance_of(str), attr.validators.instance_of(list))
FILE = ",file="
_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(?P<outer>\d+)\s+\S+\s+(?P<inner>\d+)\s")
LOOPBACK = "127.0.0.1"
MEMORY = "memory of the emulator, for this run"

_NUMBERS = attr.validators.deep_mapping(attr.validators.instance_of(str), attr.validators.instance_of(int))


class MemoryMeter(Protocol):
    """Reads the machine's memory before it runs and before it ends."""

    def begin(self, memory: HostMemory, state: Path | None = None) -> None:
        """Note that the machine is about to start, or to continue from `state`."""

    def saved(self, state: Path) -> None:
        """Note that the machine's state was written to `state`."""

    def restart(self) -> None:
        """Note that the machine is about to be reset."""

    def end(self) -> None:
        """Note that the machine is about to be switched off."""


@target_factory.reg_driver
@attr.s(eq=False)
class HilQEMUDriver(QEMUDriver, BoardProtocol):  # type: ignore[misc]
    """labgrid's QEMUDriver with its arguments, and more.

    Args:
        uarts: names of the serial lines, in the machine's order; the first is also this driver's own console
        smp: number of processors
        icount: QEMU's `-icount` option, to count guest instructions instead of time
        loads: images (by their keys) that lie in memory at a physical address when the machine starts
        initrd: image that the machine gets with its `kernel`
        nvram: image in a flash device that the machine can write to, as new at each power-on
        network: QEMU's device by which the machine is in a network of its own, together with this process
        forwards: NetworkService resources (by name) whose address leads to a TCP port of the machine
        mapped: whether the machine's `memory` is a file, which those that continue from a saved state map and need not
            read: for machines with an operating system. Their `machine` must take `memory-backend`, as `virt` does
        args: further arguments, one list entry each
    """

    priorities = {ConsoleProtocol: -1}  # noqa: RUF012 - its serial lines have drivers of their own

    uarts: list[str] = attr.ib(factory=lambda: ["console"], validator=_NAMES)
    smp: int = attr.ib(default=1, validator=attr.validators.instance_of(int))
    icount: str | None = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(str)))
    args: list[str] = attr.ib(factory=list, validator=_NAMES)
    loads: dict[str, int] = attr.ib(factory=dict, validator=_NUMBERS)
    initrd: str | None = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(str)))
    nvram: str | None = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(str)))
    network: str | None = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(str)))
    forwards: dict[str, int] = attr.ib(factory=dict, validator=_NUMBERS)

    mapped: bool = attr.ib(default=False, validator=attr.validators.instance_of(bool))

    def __attrs_post_init__(self) -> None:
        labgridenv.check(self.target.env.config)
        super().__attrs_post_init__()
        self.sink: TranscriptSink = MemorySink()
        self.transcripts: Mapping[str, Transcript] = {}
        self.on_start: Callable[[Start], None] = lambda _start: None
        self._flashed: dict[str, FlashedImage] = {}
        self._emulator: Emulator | None = None
        self._standby: tuple[Path, Emulator] | None = None
        self._nvram = Nvram()
        self._will_be_saved = False
        self.memory_meter: MemoryMeter | None = None

    @property
    def board(self) -> str:
        """The board's name: that of its file."""
        return labgridenv.board_name(self.target)

    @property
    def emulator(self) -> Emulator:
        """The running emulator. Raises `ConsoleClosed` when the board is off."""
        if self._emulator is None:
            raise ConsoleClosed("the board is off", board=self.board)
        return self._emulator

    @property
    def flashed(self) -> bool:
        """Whether there are verified copies of the images."""
        return bool(self._flashed)

    @property
    def lossless(self) -> bool:
        """True: the lines are sockets."""
        return True

    @property
    def forks(self) -> bool:
        """True: QEMU can save and resume a machine."""
        return True

    @property
    def dead(self) -> bool:
        """Whether the board is off, or its alarm has rung."""
        return self._emulator is None or not self._emulator.alive

    @property
    def alarm(self) -> Alarm:
        """The alarm of the current power cycle."""
        return self.emulator.alarm

    def ring(self, make_error: Callable[[], HilError]) -> None:
        """Make every use of the board fail from now on, until it is switched off."""
        if self._emulator is not None:
            self._emulator.alarm.ring(make_error)

    def uart(self, name: str) -> Uart:
        """Return a serial line of the running board, for use until the next power cycle or fork."""
        if name not in self.uarts:
            raise BoardFileError(f"{self.board} has no serial line `{name}`; it has {', '.join(self.uarts)}")
        return self.emulator.uarts[name]

    def get_qemu_version(self, qemu_bin: str) -> tuple[int, int, int]:
        """Return the version of the program; it is started only once per process."""
        if shutil.which(qemu_bin) is None:
            raise missing_tool(qemu_bin).within(board=self.board)
        return _version(qemu_bin, super().get_qemu_version)

    def get_qemu_base_args(self) -> list[str]:
        """Return the command for this machine without serial lines and control, as one would type it."""
        try:
            command: list[str] = super().get_qemu_base_args() + self._media() + self._network()
        except KeyError as error:
            raise BoardFileError(f"{self.target.env.config_file}: {error.args[0]}", board=self.board) from None
        command += ["-smp", str(self.smp)]
        if self.icount:
            command += ["-icount", self.icount]
        if self.mapped:
            command += OF_MACHINE
        return command + self.args

    def on_activate(self) -> None:
        """Open the transcripts."""
        self.transcripts = {name: self.sink.transcript(self.board, name) for name in self.uarts}

    def on_deactivate(self) -> None:
        """Switch off, and free the copies of the images."""
        self.off()
        for image in self._flashed.values():
            image.close()
        self._flashed = {}
        for transcript in self.transcripts.values():
            transcript.close()

    def resolve_conflicts(self, client: Any) -> None:
        """Resolve nothing: several serial lines may be in use at the same time."""

    def flash_plan(self) -> FlashPlan:
        """Return what `flash_images` would do."""
        payload = Payload.from_files((Path(path).resolve(), Path(path).name) for path in self._image_paths())
        return FlashPlan(MEMORY, payload, ("copy the images, compare them with their build, and seal the copies",))

    @step()  # type: ignore[untyped-decorator]
    def flash_images(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:  # noqa: ARG002
        """Make verified copies of all images. Copies are private to this process, so there is nothing to reuse."""
        return self._hold({path: flash(Path(path)) for path in self._image_paths()})

    def _hold(self, flashed: dict[str, FlashedImage]) -> FlashResult:
        """Use these images from the next start on."""
        for image in self._flashed.values():
            image.close()
        self._flashed = flashed
        files = (PayloadFile(image.source, image.source.name, image.size, image.sha256) for image in flashed.values())
        return FlashResult(Payload(tuple(files)), MEMORY, written=True)

    def _image_paths(self) -> list[str]:
        keys = (self.bios, self.kernel, self.initrd, self.dtb, self.nvram, *self.loads)
        return sorted({self.target.env.config.get_image_path(key) for key in keys if key})

    @step()  # type: ignore[untyped-decorator]
    def on(self) -> None:
        """Switch on: all serial lines are attached before the first instruction."""
        if self.status:
            return
        self._begin(Start.POWER_ON)
        self._run(self._start())

    @step()  # type: ignore[untyped-decorator]
    def hold(self) -> None:
        """Switch on, and stay before the first instruction: for a debugger, which then lets the processors run."""
        self._begin(Start.POWER_ON)
        self._run(self._start(), held=True)

    @contextlib.contextmanager
    def debug_server(self, device: str) -> Iterator[None]:
        """Let a debugger connect to QEMU's character device `device`, without another start of the machine.

        The machine stops when a debugger connects. At the end it runs on, whatever the debugger has left it in.
        """
        self.monitor_command("human-monitor-command", {"command-line": f"gdbserver {device}"})
        try:
            yield
        finally:
            if not self.dead:
                self.monitor_command("human-monitor-command", {"command-line": "gdbserver none"})
                self.emulator.cont()

    @step()  # type: ignore[untyped-decorator]
    def off(self) -> None:
        """Cut the power."""
        self._drop_standby()
        self._cut()

    def keeping_nvram(self) -> AbstractContextManager[None]:
        """Keep the content of `nvram` over power cycles inside of a block, as hardware does."""
        return self._nvram.keeping()

    def get(self) -> bool:
        """Return whether the board runs; labgrid's power drivers have this method."""
        return not self.dead

    def cycle(self) -> None:
        """Switch off and on again."""
        self.off()
        self.on()

    @step()  # type: ignore[untyped-decorator]
    def reset(self) -> None:
        """Reset the machine, as its reset button would; RAM keeps its content."""
        self._begin(Start.RESET)
        if self.memory_meter:
            self.memory_meter.restart()
        self.emulator.reset()

    @step()  # type: ignore[untyped-decorator]
    def save(self, path: Path) -> None:
        """Halt the machine and write its state to `path`."""
        self.emulator.save(path)
        if self.memory_meter:
            self.memory_meter.saved(path)

    @contextlib.contextmanager
    def to_be_saved(self) -> Iterator[None]:
        """Start machines inside of a block so that they are saved without reading their whole memory."""
        self._drop_standby()
        self._will_be_saved = True
        try:
            yield
        finally:
            self._will_be_saved = False

    @step()  # type: ignore[untyped-decorator]
    def resume(self, path: Path) -> None:
        """Replace the running machine, if any, by one that continues from the state in `path`."""
        standby, self._standby = self._standby, None
        self._cut()
        self._begin(Start.RESUME)
        if standby is not None and standby[0] == path:
            try:
                self._run(standby[1], path)
                return
            except InfrastructureError as error:
                self._note(f"the prepared machine failed, so another one is started: {error.message}")
                self._cut()
        elif standby is not None:
            _discard(standby[1])
        self._run(self._start(path), path)

    def prepare(self, path: Path) -> None:
        """Start a second QEMU that loads `path` in the background, so that the next `resume` need not wait for that."""
        self._drop_standby()
        self._standby = (path, self._start(path))

    def identity(self) -> str:
        """Return a text that is equal for two machines only if each could resume the other's saved state."""
        command = self.get_qemu_base_args()
        program = Path(shutil.which(command[0]) or command[0])
        return json.dumps(
            {
                "qemu": [_sha256(program, program.stat().st_mtime_ns), self.get_qemu_version(command[0])],
                "arguments": self._with_images(command[1:], self._content),
                "uarts": self.uarts,
            }
        )

    def monitor_command(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Execute a QMP command. Raises `EmulatorControlError` if it fails or takes too long."""
        return self.emulator.qmp.execute(command, arguments, deadline=Deadline.after(CONTROL_SECONDS))

    def host_memory(self) -> HostMemory:
        """Return the running machine's RAM, for access from the host until the next fork or power cycle."""

        def ask(command: str) -> str:
            return str(self.monitor_command("human-monitor-command", {"command-line": command}))

        return HostMemory.from_process(self.emulator.pid, ask)

    def _start(self, incoming: Path | None = None) -> Emulator:
        written = self._flashed[self.target.env.config.get_image_path(self.nvram)] if self.nvram else None
        nvram = self._nvram.for_start(written, resuming=incoming is not None) if written else None

        def path(image: FlashedImage) -> str:
            return nvram.path if nvram and image is written else image.path

        command = self._with_images(self.get_qemu_base_args(), path)
        self.logger.debug("starting %s", shlex.join(command))
        inherited = [image.fd for image in self._flashed.values()]
        memory = self._memory_for(incoming) if self.mapped else None
        return Emulator(command, self.transcripts, incoming=incoming, inherited=inherited, nvram=nvram, memory=memory)

    def _memory_for(self, incoming: Path | None) -> MachineMemory:
        """Return the memory of a machine that starts, or continues: a file that it can be saved from, or that state."""
        size = size_of(self.memory)
        if incoming is None or not has_memory(incoming, size):
            return MachineMemory.own(size)
        return MachineMemory.own(size, incoming) if self._will_be_saved else MachineMemory.saved(incoming, size)

    def _begin(self, start: Start) -> None:
        self._note(start)
        self.on_start(start)

    def _run(self, emulator: Emulator, state: Path | None = None, *, held: bool = False) -> None:
        self._emulator = emulator
        self.status = 1
        emulator.load()
        if self.memory_meter:
            self.memory_meter.begin(self.host_memory(), state)
        if not held:
            emulator.run()
        self._publish_ports()

    def _cut(self) -> None:
        emulator, self._emulator = self._emulator, None
        self.status = 0
        if emulator is not None:
            try:
                if self.memory_meter:
                    self.memory_meter.end()
            finally:
                emulator.off()
                if emulator.nvram is not None:
                    self._nvram.ended(emulator.nvram)
                self._note("power off")

    def _drop_standby(self) -> None:
        if self._standby is not None:
            _discard(self._standby[1])
            self._standby = None

    def _note(self, text: str) -> None:
        for transcript in self.transcripts.values():
            transcript.note(text)

    def _content(self, image: FlashedImage) -> str:
        """Return a name of an image that depends on its content only, for `identity`."""
        return f"sha256:{image.sha256}"

    def _with_images(self, command: list[str], name: Callable[[FlashedImage], str]) -> list[str]:
        """Replace the path of each image in a command: it is an argument by itself, or the end of one."""
        images = {option_value(path): image for path, image in self._flashed.items()}

        def renamed(word: str) -> str:
            if word in self._flashed:
                return name(self._flashed[word])
            head, mark, path = word.rpartition(FILE)
            image = images.get(path) if mark else None
            return head + mark + option_value(name(image)) if image else word

        return [renamed(word) for word in command]

    def _media(self) -> list[str]:
        path_of = self.target.env.config.get_image_path
        words = ["-initrd", path_of(self.initrd)] if self.initrd else []
        if self.nvram:
            words += ["-drive", f"if=pflash,unit=1,format=raw{FILE}{option_value(path_of(self.nvram))}"]
        for image, address in self.loads.items():
            words += ["-device", f"loader,addr={address:#x},force-raw=on{FILE}{option_value(path_of(image))}"]
        return words

    def _network(self) -> list[str]:
        if self.network is None:
            return []
        # Port 0 lets the host's kernel choose a free one, so that boards never clash.
        forwards = "".join(f",hostfwd=tcp:{LOOPBACK}:0-:{port}" for port in self.forwards.values())
        return ["-netdev", f"user,id=network{forwards}", "-device", f"{self.network},netdev=network"]

    def _publish_ports(self) -> None:
        """Set address and port of each NetworkService to the port of this host that leads to its server now."""
        if not self.forwards:
            return
        said = str(self.monitor_command("human-monitor-command", {"command-line": "info usernet"}))
        local = {int(match["inner"]): int(match["outer"]) for match in _FORWARD.finditer(said)}
        for name, port in self.forwards.items():
            service = self.target.get_resource("NetworkService", name=name, wait_avail=False)
            service.address, service.port = LOOPBACK, local[port]

    def _atexit(self) -> None:
        self.off()

    def _read(self, size: int = 1, timeout: float = 10, max_size: int | None = None) -> bytes:  # noqa: ARG002
        return read_for_labgrid(self.uart(self.uarts[0]), timeout)

    def _write(self, data: bytes) -> int:
        self.uart(self.uarts[0]).send(data)
        return len(data)

    def __str__(self) -> str:
        return f"HilQEMUDriver({self.target.name})"


def _discard(emulator: Emulator) -> None:
    emulator.off()
    if emulator.nvram is not None:
        emulator.nvram.close()


def read_for_labgrid(uart: ByteStream, timeout: float) -> bytes:
    """Read for labgrid's consoles, which expect pexpect's exception for a timeout."""
    try:
        return uart.receive(Deadline.after(timeout))
    except ConsoleTimeout as error:
        raise TIMEOUT(str(error)) from None


@functools.cache
def _version(program: str, ask: Callable[[str], tuple[int, int, int]]) -> tuple[int, int, int]:
    return ask(program)


@functools.cache
def _sha256(path: Path, _modified: int) -> str:
    return known_sha256(path)
