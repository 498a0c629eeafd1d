"""Programs of others use a board's vTPM: the TSS by both protocols, QEMU as it uses swtpm, tpm2-tools in a shell."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from labgrid.util.qmp import QMPMonitor
from tpm2_pytss import ESAPI, TCTILdr
from tpm2_pytss.constants import ESYS_TR, TPM2_ALG, TPM2_RC, TPMA_NV
from tpm2_pytss.TSS2_Exception import TSS2_Exception
from tpm2_pytss.types import TPM2B_AUTH, TPM2B_NV_PUBLIC, TPML_PCR_SELECTION, TPMS_NV_PUBLIC

from hil.firmware import build
from hil.operations.tpmserver import mssim, swtpm
from hil.operations.tpmserver.wire import Wire
from hil.target.tpm import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.emulator

ROOT = Path(__file__).parents[3]
HIL = (sys.executable, "-m", "hil")
SECONDS = 120
FREE_NV = 0x1500016


@dataclass
class Served:
    """A running `hil tpm serve`."""

    process: subprocess.Popen[str]
    doors: list[str]

    def esapi(self, number: int = 0) -> ESAPI:
        """Connect the TCG's software stack, with its own TCTI for the protocol."""
        name, _, configuration = self.doors[number].partition(":")
        return ESAPI(TCTILdr(name, configuration))

    @contextlib.contextmanager
    def wire(self, *, second: bool = False) -> Iterator[Wire]:
        """Connect to one of the two ports of the first vTPM."""
        port = int(self.doors[0].rpartition("=")[2]) + second
        with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
            yield Wire(connection)


@contextlib.contextmanager
def serving(*options: str, doors: int = 1) -> Iterator[Served]:
    command = [*HIL, "tpm", "serve", "qemu-virt", "--no-build", "--port", "0", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        found = re.findall(r"TPM2TOOLS_TCTI=(\S+)", "".join(said))
        assert len(found) == doors, (said, process.stderr and process.stderr.read())
        yield Served(process, found)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)


@pytest.fixture(scope="module", autouse=True)
def firmware() -> None:
    build("qemu-virt")


@pytest.fixture(scope="module", params=["mssim", "swtpm"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serving("--protocol", request.param) as server:
        yield server


@pytest.fixture(scope="module")
def simulator() -> Iterator[Served]:
    with serving("--count", "2", doors=2) as server:
        yield server


@pytest.fixture(scope="module")
def like_swtpm() -> Iterator[Served]:
    with serving("--protocol", "swtpm", "--no-startup") as server:
        yield server


def code_of(response: bytes) -> int:
    return int.from_bytes(response[6:10])


def send(wire: Wire, command: bytes, locality: int = 0) -> bytes:
    """Send a command as the simulator's clients do; return the response."""
    wire.send(mssim.SEND_COMMAND, bytes([locality]), len(command), command)
    response = wire.exactly(wire.number())
    assert wire.number() == mssim.DONE
    return response


def signal_platform(server: Served, *signals: int) -> None:
    with server.wire(second=True) as platform:
        for number in signals:
            platform.send(number)
            assert platform.number() == mssim.DONE


def pcr_16(esapi: ESAPI) -> bytes:
    _, _, digests = esapi.pcr_read(TPML_PCR_SELECTION.parse("sha256:16"))
    return bytes(digests[0])


def test_the_software_stack_works_with_its_own_tcti(served: Served) -> None:
    with served.esapi() as esapi:
        assert len({bytes(esapi.get_random(32)) for _ in range(4)}) == 4
        handle, *_ = esapi.create_primary(None)
        esapi.flush_context(handle)


def test_a_client_that_leaves_in_the_middle_of_a_command_disturbs_nobody(served: Served) -> None:
    with served.wire() as wire:
        wire.socket.sendall(commands.get_random(8)[:7])
    with served.esapi() as esapi:
        assert len(bytes(esapi.get_random(8))) == 8


def test_power_off_takes_what_is_volatile_and_leaves_nv_memory(simulator: Served) -> None:
    with simulator.esapi() as esapi:
        clear = pcr_16(esapi)
        esapi.pcr_event(ESYS_TR.PCR16, b"measured")
        assert pcr_16(esapi) != clear
        attributes = TPMA_NV.OWNERWRITE | TPMA_NV.OWNERREAD | TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE
        public = TPMS_NV_PUBLIC(nvIndex=FREE_NV, nameAlg=TPM2_ALG.SHA256, attributes=attributes, dataSize=4)
        index = esapi.nv_define_space(TPM2B_AUTH(), TPM2B_NV_PUBLIC(nvPublic=public))
        esapi.nv_write(index, b"kept")
    signal_platform(simulator, mssim.POWER_OFF)
    with simulator.wire() as wire:
        assert code_of(send(wire, commands.get_random(8))) == TPM2_RC.INITIALIZE
        signal_platform(simulator, mssim.POWER_ON, mssim.NV_ON)
        assert code_of(send(wire, commands.get_random(8))) == TPM2_RC.INITIALIZE  # TPM2_Startup is up to the client
        assert code_of(send(wire, commands.startup())) == TPM2_RC.SUCCESS
    with simulator.esapi() as esapi:
        assert pcr_16(esapi) == clear
        assert bytes(esapi.nv_read(esapi.tr_from_tpmpublic(FREE_NV), 4)) == b"kept"
    signal_platform(simulator, mssim.RESET)
    with simulator.wire() as wire:
        assert code_of(send(wire, commands.startup())) == TPM2_RC.SUCCESS


def test_two_vtpms_are_two(simulator: Served) -> None:
    with simulator.esapi(0) as first, simulator.esapi(1) as second:
        before = pcr_16(second)
        first.pcr_event(ESYS_TR.PCR16, b"measured")
        assert pcr_16(second) == before != pcr_16(first)


@pytest.mark.parametrize(
    ("command", "locality", "code"),
    [
        (commands.get_random(8), 3, TPM2_RC.LOCALITY),
        (b"", 0, TPM2_RC.COMMAND_SIZE),
        (commands.get_random(8)[:9], 0, TPM2_RC.COMMAND_SIZE),
        (bytes(5000), 0, TPM2_RC.COMMAND_SIZE),
    ],
)
def test_what_the_queue_cannot_carry_has_an_answer_of_a_tpm(
    simulator: Served, command: bytes, locality: int, code: int
) -> None:
    with simulator.wire() as wire:
        assert code_of(send(wire, command, locality)) == code
        assert code_of(send(wire, commands.get_random(8))) == TPM2_RC.SUCCESS


def test_a_handshake_tells_that_there_is_a_platform(simulator: Served) -> None:
    with simulator.wire() as wire:
        wire.send(mssim.HANDSHAKE, 1)
        assert (wire.number(), wire.number(), wire.number()) == (mssim.VERSION, mssim.HAS_PLATFORM, mssim.DONE)
        wire.send(mssim.HASH_START)
        assert wire.number() == mssim.REFUSED


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", (8).to_bytes(4) + b"\0" + (1 << 30).to_bytes(4)])
def test_a_client_of_something_else_is_sent_away(simulator: Served, said: bytes) -> None:
    with simulator.wire() as wire:
        wire.socket.sendall(said)
        with contextlib.suppress(ConnectionResetError):
            assert wire.socket.recv(1) == b""
    with simulator.wire() as wire:
        assert code_of(send(wire, commands.get_random(8))) == TPM2_RC.SUCCESS


def test_the_control_channel_switches_on_and_off(like_swtpm: Served) -> None:
    with like_swtpm.wire() as data, like_swtpm.wire(second=True) as control:

        def ask(command: swtpm.Control, request: bytes = b"", numbers: int = 1) -> list[int]:
            control.send(int(command), request)
            return [control.number() for _ in range(numbers)]

        def answered(command: bytes) -> int:
            data.send(command)
            header = data.exactly(10)
            data.exactly(int.from_bytes(header[2:6]) - 10)
            return code_of(header)

        assert ask(swtpm.Control.GET_CAPABILITY, numbers=2) == [0, swtpm.ALL]
        assert answered(commands.get_random(8)) == TPM2_RC.INITIALIZE
        assert answered(commands.startup()) == TPM2_RC.SUCCESS
        assert ask(swtpm.Control.SET_LOCALITY, b"\0") == [swtpm.SUCCESS]
        assert ask(swtpm.Control.SET_LOCALITY, b"\3") == [swtpm.BAD_LOCALITY]
        assert ask(swtpm.Control.SET_BUFFERSIZE, bytes(4), 4)[0] == swtpm.SUCCESS
        assert ask(swtpm.Control.GET_STATEBLOB, bytes(12), 4)[0] == swtpm.FAIL
        assert ask(swtpm.Control.SET_STATEBLOB, bytes(8) + (3).to_bytes(4) + b"abc") == [swtpm.FAIL]
        assert ask(swtpm.Control.SET_DATAFD) == [swtpm.FAIL]  # none came with it
        assert ask(swtpm.Control.STOP) == [swtpm.SUCCESS]
        assert answered(commands.get_random(8)) == TPM2_RC.INITIALIZE
        assert ask(swtpm.Control.INIT, bytes(4)) == [swtpm.SUCCESS]
        assert answered(commands.startup()) == TPM2_RC.SUCCESS
        assert answered(commands.get_random(8)) == TPM2_RC.SUCCESS


def test_qemu_takes_the_vtpm_as_it_takes_swtpm(tmp_path: Path) -> None:
    """QEMU opens both channels, asks for the version, and resets the TPM when its machine starts."""
    path = tmp_path / "tpm.sock"
    with serving("--protocol", "swtpm", "--socket", str(path)) as server, server.esapi() as esapi:
        esapi.pcr_event(ESYS_TR.PCR16, b"measured")
        assert path.stat().st_mode & 0o077 == 0
        command = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-display", "none", "-nodefaults", "-S"]
        command += ["-chardev", f"socket,id=tpm,path={path}", "-tpmdev", "emulator,id=tpm0,chardev=tpm"]
        command += ["-device", "tpm-tis-device,tpmdev=tpm0", "-qmp", "stdio"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as machine:
            monitor = QMPMonitor(machine.stdout, machine.stdin)
            (tpm,) = monitor.execute("query-tpm")
            assert tpm["options"]["type"] == "emulator"
            monitor.execute("quit")
        with pytest.raises(TSS2_Exception) as caught:
            esapi.get_random(8)
        assert caught.value.rc == TPM2_RC.INITIALIZE  # _TPM_Init was sent, and the machine had no firmware
    assert not path.exists()


def test_a_board_that_dies_ends_its_clients_and_the_command(tmp_path: Path) -> None:
    assert tmp_path.is_dir()
    with serving() as server, server.wire() as wire:
        (emulator,) = (child for child in psutil.Process(server.process.pid).children() if "qemu" in child.name())
        emulator.kill()
        assert wire.socket.recv(1) == b""
        _, said = server.process.communicate(timeout=SECONDS)
    assert server.process.returncode == 3
    assert "error: " in said
    assert "Traceback" not in said


def tools(*command: str) -> subprocess.CompletedProcess[str]:
    words = [*HIL, "tpm", "shell", "qemu-virt", "--no-build", "--", *command]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_a_shell_has_what_tools_look_for_and_passes_on_how_they_end() -> None:
    done = tools("sh", "-c", "tpm2_getrandom --hex 8 && echo $TPM_SERVER_TYPE && exit 7")
    assert re.fullmatch(r"[0-9a-f]{16}mssim\n", done.stdout), done.stderr
    assert done.returncode == 7


def test_a_program_that_a_signal_ends_has_the_code_that_shells_give_it() -> None:
    assert tools("sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


def test_a_program_that_is_not_there_is_named() -> None:
    done = tools("no-such-program")
    assert (done.returncode, "no-such-program" in done.stderr) == (2, True)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = [*HIL, "tpm", "serve", "qemu-virt", "--no-build", "--port", port]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 2
    assert port in done.stderr
    assert "--port 0" in done.stderr
