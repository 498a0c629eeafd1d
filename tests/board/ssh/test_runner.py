"""Commands by way of the program of firmware/linux/runner, built for this machine."""

from __future__ import annotations

import os
import select
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from hil.board.ssh import Session, runner
from hil.board.ssh.errors import SshDropped
from hil.board.ssh.process import ENDED_BY_SIGNAL
from hil.deadline import Deadline
from hil.errors import CommandTimeout

if TYPE_CHECKING:
    from tests.simulators.ssh import Wire

SOURCE = Path(__file__).resolve().parents[3] / "firmware" / "linux" / "runner" / "runner.c"


def soon() -> Deadline:
    return Deadline.after(30)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("runner") / "hil-runner"
    flags = ["-std=c17", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    subprocess.run(["gcc", *flags, SOURCE, "-o", output], check=True, timeout=120)
    return output


@pytest.fixture(params=["sh", "bash"])
def quick(session: Session, program: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Session:
    monkeypatch.setenv("SHELL", f"/bin/{request.param}")
    session.use_runner(str(program))
    return session


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was started on channels of its own."""
    started: list[str] = []
    start = Session.start

    def noted(self: Session, command: str, **more: object) -> object:
        if command != ":":  # a look at the login scripts
            started.append(command)
        return start(self, command, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "start", noted)
    return started


def test_all_commands_share_a_channel(quick: Session, program: Path, channels: list[str]) -> None:
    assert [quick.run(f"echo {number}", deadline=soon()).text for number in range(5)] == list("01234")
    assert channels == [f"exec {program}"]


def test_output_errors_and_status_are_told_apart(quick: Session) -> None:
    result = quick.run("cat; echo err >&2; exit 3", stdin=bytes(range(256)), deadline=soon())
    assert (result.stdout, result.stderr, result.status) == (bytes(range(256)), b"err\n", 3)


def test_a_command_without_input_sees_its_end(quick: Session) -> None:
    assert quick.run("cat", deadline=soon()).stdout == b""


def test_a_command_leaves_nothing_to_the_next_one(quick: Session) -> None:
    first = quick.run("cd /; x=1; echo $$", deadline=soon())
    second = quick.run("pwd; echo $$-$x", deadline=soon())
    assert second.lines[0] != "/"
    assert second.lines[1].endswith("-")
    assert second.lines[1] != f"{first.text}-"


def test_a_command_has_no_descriptor_of_ours(quick: Session) -> None:
    theirs = quick.run("ls /proc/self/fd", deadline=soon()).lines
    assert theirs == ["0", "1", "2", "3"]  # 3 is the directory that ls reads
    assert quick.run("echo >&3", deadline=soon()).status != 0


def test_a_command_can_have_lines_quotes_and_be_wrong(quick: Session) -> None:
    assert quick.run("""x='a  b'\nprintf %s "$x" '\\n'\n""", deadline=soon()).stdout == b"a  b\\n"
    assert quick.run("if then", deadline=soon()).status == 2
    assert quick.run("exec echo done", deadline=soon()).text == "done"


def test_a_command_that_was_killed_has_no_status(quick: Session) -> None:
    assert quick.run("kill -9 $$", deadline=soon()).status == ENDED_BY_SIGNAL
    assert quick.run("echo next", deadline=soon()).text == "next"


def test_much_output_comes_whole(quick: Session) -> None:
    result = quick.run("head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero", deadline=soon())
    assert (len(result.stdout), len(result.stderr)) == (3_000_000, 3_000_000)


def test_a_late_command_is_ended_with_all_that_it_has_started(quick: Session, tmp_path: Path) -> None:
    held = tmp_path / "held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(CommandTimeout, match=r"did not end within 1 s") as caught:
        quick.run(f"exec 5>{held}; echo begun; sleep 1000; true", deadline=Deadline.after(1))
    assert caught.value.context.console == ("begun",)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    assert poll.poll(10_000) == [(reader, select.POLLHUP)]
    os.close(reader)
    assert quick.run("echo next", deadline=soon()).text == "next"


def test_what_a_command_leaves_running_says_nothing_to_others(quick: Session) -> None:
    with pytest.warns(UserWarning, match="it was killed"):
        assert quick.run("(trap '' PIPE; sleep 30; echo late) & echo now", deadline=soon()).text == "now"
    assert quick.run("sleep 0.1; echo next", deadline=soon()).text == "next"


@pytest.mark.parametrize(
    ("command", "stdin"),
    [("wc -c", bytes(runner.MAX_INPUT + 1)), (f": {'x' * runner.MAX_COMMAND}; echo {runner.MAX_INPUT + 1}", b"")],
)
def test_what_is_too_large_takes_a_channel_of_its_own(
    quick: Session, channels: list[str], command: str, stdin: bytes
) -> None:
    assert quick.run(command, stdin=stdin, deadline=soon()).text == str(runner.MAX_INPUT + 1)
    assert channels == [command]


def test_a_command_beside_another_takes_a_channel_of_its_own(quick: Session, tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    for fifo in (begun, go):
        os.mkfifo(fifo)
    results = []
    waiting = threading.Thread(target=lambda: results.append(quick.run(f"echo >{begun}; cat {go}", deadline=soon())))
    waiting.start()
    begun.read_bytes()
    assert quick.run("echo beside", deadline=soon()).text == "beside"
    go.write_bytes(b"done")
    waiting.join(30)
    assert results[0].text == "done"


def test_a_waiting_shell_that_was_killed_is_replaced(quick: Session) -> None:
    assert quick.run("echo first", deadline=soon()).text == "first"
    deadline = soon()
    while not (waiting := [one for one in psutil.Process().children(recursive=True) if _waits(one)]):
        assert not deadline.expired
    waiting[0].kill()
    while waiting[0].is_running() and waiting[0].status() != psutil.STATUS_ZOMBIE:
        assert not deadline.expired
    assert quick.run("echo next", deadline=soon()).text == "next"


def _waits(process: psutil.Process) -> bool:
    try:
        return process.cmdline() == ["sh", "-c", ". /proc/self/fd/3"]
    except psutil.Error:
        return False


def test_the_end_of_the_runner_is_no_result(quick: Session) -> None:
    with pytest.raises(SshDropped, match=r"hil-runner`, which runs commands at .*, ended"):
        quick.run("kill -9 $PPID; cat", deadline=soon())
    assert quick.run("echo next", deadline=soon()).text == "next"


def test_a_machine_without_the_runner_says_so(session: Session) -> None:
    session.use_runner("no-such-program")
    with pytest.raises(SshDropped, match="no-such-program") as caught:
        session.run("true", deadline=soon())
    assert "not found" in caught.value.context.console[-1]


def test_a_connection_cut_in_mid_command_is_seen_at_once(quick: Session, wire: Wire) -> None:
    threading.Timer(0.5, wire.cut).start()
    with pytest.raises(SshDropped, match=r"the connection to .* ended"):
        quick.run("exec sleep 1000", deadline=Deadline.after(60))
