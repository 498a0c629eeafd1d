"""Foreign output on a guest's console: no answer is lost by it, and none of it becomes data."""

from __future__ import annotations

import os
import select
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import CommandTimeout, ConsoleClosed, ConsoleTimeout, ExitCode
from hil.linux import GuestEnded, GuestHang
from hil.linux.commandloop import CommandLoop, GuestConsoleDamaged, command_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SOON = 20.0
KERNEL = b"[   12.345678] usb 1-1: error -71"


@dataclass
class PipeConsole:
    """A guest's console: a command loop at two pipes, and what happens to the bytes on their way."""

    process: subprocess.Popen[bytes]
    spoil_output: Callable[[bytes], bytes] = field(default=bytes)
    spoil_input: Callable[[bytes], bytes] = field(default=bytes)
    said: int = 0

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(self.spoil_input(data))
        self.process.stdin.flush()

    def receive(self, deadline: Deadline) -> bytes:
        assert self.process.stdout is not None
        while not deadline.expired:
            if not select.select([self.process.stdout], [], [], deadline.remaining)[0]:
                break
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise ConsoleClosed("the guest has ended")
            self.said += len(data)
            if arrived := self.spoil_output(data):
                return arrived
        raise ConsoleTimeout("nothing came")

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        return ("its last words",)[:lines]


@pytest.fixture
def console(command_loop: Path, tmp_path: Path) -> Iterator[PipeConsole]:
    with subprocess.Popen([command_loop, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield PipeConsole(process)
        process.kill()


@pytest.fixture
def guest(console: PipeConsole, monkeypatch: pytest.MonkeyPatch) -> CommandLoop:
    """A guest that is ready, and a client that does not wait long for what is lost."""
    monkeypatch.setattr("hil.linux.dialogue.LATENCY_SECONDS", 0.05)
    monkeypatch.setattr("hil.linux.commandloop.FIRST_WAIT_SECONDS", 0.05)
    guest = CommandLoop("the guest", console)
    guest.wait_ready(Deadline.after(SOON))
    guest._dialogue._latency = 0.05
    return guest


@dataclass
class Once:
    """Damages a stream once, at one of its bytes."""

    at: int
    damage: Callable[[bytes, int], bytes]
    passed: int = 0

    def __call__(self, data: bytes) -> bytes:
        place, self.passed = self.at - self.passed, self.passed + len(data)
        return self.damage(data, place) if 0 <= place < len(data) else data


def inserted(text: bytes) -> Callable[[bytes, int], bytes]:
    return lambda data, at: data[:at] + text + data[at:]


DAMAGE = {
    "text without a newline": inserted(b"starting... "),
    "a letter": inserted(b"A"),
    "a line of the kernel": inserted(b"\r\n" + KERNEL + b"\r\n"),
    "a lost byte": lambda data, at: data[:at] + data[at + 1 :],
    "another letter": lambda data, at: data[:at] + (b"B" if data[at : at + 1] == b"A" else b"A") + data[at + 1 :],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_at_any_byte_of_an_answer_changes_nothing(
    guest: CommandLoop, console: PipeConsole, damage: Callable[[bytes, int], bytes]
) -> None:
    def answered() -> int:
        """Return how many bytes the guest has sent: more than its answer, if it was asked for that once more."""
        before = console.said
        result = guest.run("cat; echo err >&2; exit 3", stdin=b"in\0put", check=False, deadline=Deadline.after(SOON))
        assert (result.stdout, result.stderr, result.status) == (b"in\0put", b"err\n", 3)
        return console.said - before

    for at in range(min(answered() for _ in range(3))):
        console.spoil_output = Once(at, damage)
        answered()
        assert console.spoil_output.passed > at


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_at_any_byte_of_a_request_executes_it_once(
    guest: CommandLoop, console: PipeConsole, tmp_path: Path, damage: Callable[[bytes, int], bytes]
) -> None:
    counted = tmp_path / "counted"
    for at in range(95):
        console.spoil_input = Once(at, damage)
        result = guest.run(f"echo {at} >>{counted}; echo done", deadline=Deadline.after(SOON))
        assert result.text == "done"
    assert counted.read_text().split() == [str(at) for at in range(95)]


def test_much_output_comes_whole_between_lines_of_the_kernel(guest: CommandLoop, console: PipeConsole) -> None:
    everything = bytes(range(256)) * 800
    console.spoil_output = lambda data: b"".join(data[at : at + 3000] + KERNEL for at in range(0, len(data), 3000))
    result = guest.run("cat; cat /dev/zero | head -c 70000 >&2", stdin=everything, deadline=Deadline.after(SOON))
    assert (result.stdout, result.stderr) == (everything, bytes(70000))


def test_a_banner_in_a_kernel_message_is_found_and_a_torn_one_comes_again(console: PipeConsole) -> None:
    console.spoil_output = Once(4, inserted(KERNEL))
    torn = CommandLoop("the guest", console)
    torn.wait_ready(Deadline.after(SOON))
    assert torn.run("echo well").text == "well"


def test_a_console_on_which_no_answer_is_whole_is_not_the_guests_fault(
    guest: CommandLoop, console: PipeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.linux.commandloop.ALIVE_SECONDS", 0.2)
    console.spoil_output = lambda data: data.replace(b"ok", b"ok" + KERNEL)
    with pytest.raises(GuestConsoleDamaged, match="answers were damaged") as caught:
        guest.run("true", deadline=Deadline.after(0.2))
    assert caught.value.exit_code is ExitCode.INFRASTRUCTURE
    assert "console=hvc0" in caught.value.context.hint


def test_a_guest_that_only_prints_hangs(
    guest: CommandLoop, console: PipeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.linux.commandloop.ALIVE_SECONDS", 0.2)
    console.spoil_output = lambda _data: KERNEL + b"\r\n"
    with pytest.raises(GuestHang, match="neither `true` nor whether it is alive"):
        guest.run("true", deadline=Deadline.after(0.2))


def test_what_a_command_leaves_running_neither_delays_it_nor_writes_into_another(guest: CommandLoop) -> None:
    started = guest.run("(sleep 0.2; echo late; echo late >&2) & echo started", deadline=Deadline.after(SOON))
    assert started.text == "started"
    assert guest.run("sleep 0.4; echo next", deadline=Deadline.after(SOON)).text == "next"


def test_a_guest_that_is_asked_for_long_is_alive(guest: CommandLoop) -> None:
    with pytest.raises(CommandTimeout, match="which is alive"):
        guest.run("exec sleep 3", deadline=Deadline.after(0.3))
    assert guest.run("echo next", deadline=Deadline.after(SOON)).text == "next"


def test_a_command_may_be_left_alone(guest: CommandLoop, console: PipeConsole, tmp_path: Path) -> None:
    console.send(command_line(f"echo done >{tmp_path / 'file'}"))
    assert guest.run(f"cat {tmp_path / 'file'}", deadline=Deadline.after(SOON)).text == "done"


def test_a_command_that_ends_the_guest_ends_the_wait(guest: CommandLoop) -> None:
    with pytest.raises(GuestEnded):
        guest.run("kill -KILL $PPID", deadline=Deadline.after(SOON))
