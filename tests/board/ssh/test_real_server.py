"""What accounts and servers of other people do: login scripts that print, daemons left behind, MaxSessions.

The server is OpenSSH's, on loopback.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from hil.board.ssh import Endpoint, Login, PinnedHostKeys, Session
from hil.board.ssh import process as ssh_process
from hil.board.ssh.channel import send_signal
from hil.board.ssh.errors import LoginScriptPrints, SshAuthFailed, SshDropped, SshTooManySessions
from hil.board.strategy.hangup import say_when_alone
from hil.deadline import Deadline
from hil.errors import CommandTimeout, ExitCode
from tests.lab.exporter.reallab import TIMEOUT_SECONDS, free_port, until
from tests.lab.exporter.sshserver import PRIVILEGES, SSHD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNNER = Path(__file__).resolve().parents[3] / "firmware" / "linux" / "runner" / "runner.c"
LONG = 600
"""Seconds; nothing here waits for them."""
GREETING = "Welcome to the lab board"


def soon() -> Deadline:
    return Deadline.after(TIMEOUT_SECONDS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home directory of the account, without login scripts."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def real_session(tmp_path: Path, home: Path) -> Iterator[Session]:
    port = free_port()
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(tmp_path / key)]
        subprocess.run(command, check=True, timeout=TIMEOUT_SECONDS)
    (tmp_path / "authorized_keys").write_bytes((tmp_path / "user.pub").read_bytes())
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/authorized_keys\n"
        f"PidFile {tmp_path}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        f"SetEnv HOME={home}\nSubsystem sftp /usr/lib/openssh/sftp-server\n"
    )
    if os.geteuid() == 0:
        PRIVILEGES.mkdir(exist_ok=True)
    log = tmp_path / "sshd.log"
    process = subprocess.Popen([SSHD, "-D", "-f", tmp_path / "sshd_config", "-E", log])
    try:
        until(lambda: "listening" in (log.read_text() if log.exists() else ""), "sshd listens")
        user = psutil.Process().username()
        endpoint = Endpoint("a board", "127.0.0.1", port)
        with Session.open(endpoint, Login(user, tmp_path / "user"), PinnedHostKeys(), soon()) as session:
            yield session
    finally:
        process.terminate()
        process.wait(TIMEOUT_SECONDS)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("runner") / "hil-runner"
    subprocess.run(["gcc", "-std=c17", "-O1", RUNNER, "-o", output], check=True, timeout=120)
    return str(output)


@pytest.fixture(params=["with a runner", "without"])
def any_session(real_session: Session, runner: str, request: pytest.FixtureRequest) -> Session:
    if request.param == "with a runner":
        real_session.use_runner(runner)
    return real_session


@pytest.mark.parametrize("said", [GREETING, "hi"])
def test_a_login_script_that_prints_is_named_at_once_with_what_it_says(
    any_session: Session, home: Path, said: str
) -> None:
    (home / ".bashrc").write_text(f"echo {said}\n")
    for _ in range(2):
        with pytest.raises(LoginScriptPrints, match=f"login script .* prints.*`{said}`") as caught:
            any_session.run("echo hello", deadline=Deadline.after(LONG))
        assert caught.value.exit_code is ExitCode.INFRASTRUCTURE
    (home / ".bashrc").write_text(f"[ -t 1 ] && echo {said}\n")
    assert any_session.run("echo hello", deadline=soon()).text == "hello"


def test_a_login_script_that_prints_into_a_transfer_is_named(real_session: Session, home: Path, tmp_path: Path) -> None:
    (home / ".bashrc").write_text(f"echo {GREETING}\n")
    (tmp_path / "file").write_text("content")
    with pytest.raises(LoginScriptPrints, match=GREETING):
        real_session.files.put(tmp_path / "file", str(tmp_path / "copy"), deadline=soon())
    (home / ".bashrc").unlink()
    real_session.files.put(tmp_path / "file", str(tmp_path / "copy"), deadline=soon())
    assert (tmp_path / "copy").read_text() == "content"


@pytest.fixture
def lived_on(tmp_path: Path) -> Iterator[Callable[[], bool]]:
    """Return whether the process lives whose id is in the file `pid.left`; it is killed at the end."""

    def process() -> psutil.Process | None:
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
            found = psutil.Process(int((tmp_path / "pid.left").read_text()))
            return None if found.status() == psutil.STATUS_ZOMBIE else found
        return None

    yield lambda: process() is not None
    if left := process():
        left.kill()


def test_a_command_that_leaves_something_behind_has_ended(
    any_session: Session, tmp_path: Path, lived_on: Callable[[], bool]
) -> None:
    pid = tmp_path / "pid.left"
    with pytest.warns(UserWarning, match=r"ended with status 3, but what it started keeps its output open"):
        result = any_session.run(f"sleep {LONG} & echo $! >{pid}; echo started; exit 3", deadline=Deadline.after(LONG))
    assert (result.text, result.status, result.left_open) == ("started", 3, True)
    if any_session._runner:
        until(lambda: not lived_on(), "what was left has ended")
    assert any_session.run("echo next", deadline=soon()).text == "next"


def test_a_linux_of_anybody_says_when_its_last_connection_is_gone(any_session: Session, tmp_path: Path) -> None:
    console = tmp_path / "console"
    assert any_session.run(say_when_alone(str(console)), deadline=soon()).status == 0
    for _ in range(3):
        any_session.run("sleep 0.1", deadline=soon())
    assert console.read_text() == ""
    any_session.close()
    until(lambda: console.read_text(), "it has noticed")
    assert console.read_text() == "linux: alone\n"  # and no word about programs that it does not have


def test_a_user_who_may_not_write_to_the_console_is_told(any_session: Session, tmp_path: Path) -> None:
    assert any_session.run(say_when_alone(str(tmp_path / "nowhere" / "console")), deadline=soon()).status == 1


@pytest.mark.filterwarnings("error:.*keeps its output open")
def test_what_has_its_output_elsewhere_goes_on(
    any_session: Session, tmp_path: Path, lived_on: Callable[[], bool]
) -> None:
    pid = tmp_path / "pid.left"
    command = f"sleep {LONG} >/dev/null 2>&1 </dev/null & echo $! >{pid}; echo started"
    result = any_session.run(command, deadline=soon())
    assert (result.text, result.left_open) == ("started", False)
    assert lived_on()


@pytest.mark.filterwarnings("error:.*keeps its output open")
def test_output_that_comes_late_is_not_cut_off(any_session: Session) -> None:
    result = any_session.run("head -c 5000000 /dev/zero; echo end >&2", deadline=soon())
    assert (len(result.stdout), result.stderr) == (5_000_000, b"end\n")


def test_output_that_has_waited_is_not_cut_off(real_session: Session) -> None:
    process = real_session.start("head -c 2000000 /dev/zero; echo end >&2", stdin=b"", deadline=soon())
    until(lambda: len(process._channel.in_buffer) == 2_000_000, "all output is here, unread")
    result = process.wait(soon())
    assert (len(result.stdout), result.stderr, result.left_open) == (2_000_000, b"end\n", False)


def test_output_that_never_ends_is_late(any_session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_process, "_READ", 1024)  # so that there is always more
    with pytest.raises(CommandTimeout, match="`yes` did not end"):
        any_session.run("yes", deadline=Deadline.after(0.5))
    assert any_session.run("echo next", deadline=soon()).text == "next"


def test_a_session_beyond_what_the_server_allows_is_started_when_another_has_ended(real_session: Session) -> None:
    processes = [real_session.start("cat", stdin=None, deadline=soon()) for _ in range(9)]
    processes += [real_session.start("sleep 0.3; echo last", deadline=soon())]
    processes += [real_session.start("echo further", deadline=soon())]
    assert [process.wait(soon()).text for process in processes[9:]] == ["last", "further"]
    for process in processes[:9]:
        process.stop()


def test_too_many_sessions_are_named(real_session: Session) -> None:
    processes = [real_session.start("cat", stdin=None, deadline=soon()) for _ in range(10)]
    with pytest.raises(SshTooManySessions, match="10 are open") as caught:
        real_session.start("echo further", deadline=Deadline.after(0.3))
    assert "MaxSessions" in caught.value.context.hint
    for process in processes:
        process.stop()
    assert real_session.run("echo further", deadline=soon()).text == "further"


def test_what_comes_too_late_for_a_command_does_not_end_the_connection(real_session: Session) -> None:
    """A thread is overtaken: the server's CLOSE is answered before the signal, which was on its way, is sent."""
    process = real_session.start("true", stdin=b"", deadline=soon())
    assert process.wait(soon()).status == 0
    until(lambda: process._channel.closed, "the channel is closed")
    assert real_session.ask(soon())  # the server has seen it, too
    send_signal(process._channel, "KILL")
    assert real_session.ask(soon()), "the server has ended the connection"
    for number in range(3):  # in a channel with the number of the closed one
        assert (
            real_session.start(f"cat; echo {number}", stdin=b"in", deadline=soon()).wait(soon()).text == f"in{number}"
        )
    assert real_session.alive


def test_only_a_runner_that_does_not_exist_is_said_not_to_exist(real_session: Session) -> None:
    real_session.use_runner("no-such-program")
    with pytest.raises(SshDropped, match="does not exist") as caught:
        real_session.run("echo hello", deadline=soon())
    assert "leave `runner` out" in caught.value.context.hint
    real_session.use_runner("false")
    with pytest.raises(SshDropped, match="ended") as caught:
        real_session.run("echo hello", deadline=soon())
    assert "runner" not in caught.value.context.hint


def test_a_key_that_is_not_accepted_is_not_blamed_on_the_images(real_session: Session, tmp_path: Path) -> None:
    login = Login(psutil.Process().username(), tmp_path / "host")
    with pytest.raises(SshAuthFailed) as caught:
        Session.open(real_session.endpoint, login, PinnedHostKeys(), soon())
    assert "authorized_keys" in caught.value.context.hint
    assert "flash" not in caught.value.context.hint
