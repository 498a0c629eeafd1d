"""Commands: what they say, how they end, and what happens when they or the connection do not."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import Endpoint, Login, PinnedHostKeys, Session
from hil.board.ssh.connect import dial, log_in
from hil.board.ssh.errors import SshDropped, SshRefused, SshSilent
from hil.board.ssh.process import ENDED_BY_SIGNAL
from hil.deadline import Deadline
from hil.errors import (
    BoardDied,
    CommandFailed,
    CommandTimeout,
    ConsoleClosed,
    ConsoleTimeout,
    InfrastructureError,
    Panic,
)
from tests.board.ssh.conftest import BOARD, Bell

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulators.ssh import SshServer, Wire


def soon() -> Deadline:
    return Deadline.after(10)


def test_output_errors_and_status_are_told_apart(session: Session) -> None:
    result = session.run("echo out; echo err >&2; exit 3", deadline=soon())
    assert (result.stdout, result.stderr, result.status) == (b"out\n", b"err\n", 3)


def test_input_reaches_the_command_byte_by_byte(session: Session) -> None:
    data = bytes(range(256)) * 20_000
    assert session.run("cat", stdin=data, deadline=soon()).stdout == data


def test_a_command_without_input_sees_its_end(session: Session) -> None:
    assert session.run("cat", deadline=soon()).stdout == b""


def test_a_command_may_ignore_its_input(session: Session) -> None:
    assert session.run("echo done", stdin=bytes(5_000_000), deadline=soon()).text == "done"


def test_more_errors_than_fit_into_the_window_do_not_stall_the_output(session: Session) -> None:
    result = session.run("head -c 3000000 /dev/zero >&2; echo end", deadline=soon())
    assert len(result.stderr) == 3_000_000
    assert result.text == "end"


def test_a_command_that_was_killed_has_no_status(session: Session) -> None:
    result = session.run("kill -9 $$", deadline=soon())
    assert result.status == ENDED_BY_SIGNAL
    with pytest.raises(CommandFailed, match="ended by a signal"):
        result.check()


def test_a_failed_command_says_its_last_words(session: Session) -> None:
    with pytest.raises(CommandFailed, match=r"`echo one >&2.*` ended with status 7: two") as caught:
        session.run("echo one >&2; echo two >&2; exit 7", deadline=soon()).check()
    assert caught.value.context.console == ("one", "two")


def test_a_late_command_is_ended_on_the_target(session: Session, server: SshServer) -> None:
    with pytest.raises(CommandTimeout, match=r"did not end within 2 s") as caught:
        session.run("echo begun; exec sleep 1000", deadline=Deadline.after(2))
    assert caught.value.context.console == ("begun",)
    assert server.ended.wait(5)
    assert session.run("echo next", deadline=soon()).text == "next"


def test_a_command_that_the_server_refused_once_is_started_again(session: Session, server: SshServer) -> None:
    server.refused_commands = 1
    assert session.run("echo after all", deadline=soon()).text == "after all"


def test_a_server_that_starts_no_commands_is_no_empty_answer(session: Session, server: SshServer) -> None:
    server.refused_commands = 100
    with pytest.raises(SshRefused, match="starts no commands"):
        session.run("echo never", deadline=soon())


def test_commands_run_beside_each_other(session: Session) -> None:
    waiting = session.start("read line; echo $line", deadline=soon())
    assert session.run("echo first", deadline=soon()).text == "first"
    assert waiting.running
    waiting.send(b"second\n")
    assert waiting.wait(soon()).text == "second"
    assert not waiting.running


def test_a_process_is_a_stream(session: Session) -> None:
    process = session.start("while read line; do echo got $line; done", deadline=soon())
    process.send(b"one\n")
    assert process.receive(soon()) == b"got one\n"
    with pytest.raises(ConsoleTimeout):
        process.receive(Deadline.after(0.05))
    process.send(b"two\n")
    assert process.receive(soon()) == b"got two\n"
    process.end_input()
    with pytest.raises(ConsoleClosed):
        process.receive(soon())
    assert process.wait(soon()).lines == ["got one", "got two"]


def test_a_shell_is_a_stream_until_it_exits(session: Session) -> None:
    shell = session.shell(soon())
    assert shell.receive(soon()) == b"welcome\n"
    shell.send(b"echo $((6 * 7))\n")
    assert shell.receive(soon()) == b"42\n"
    shell.send(b"exit\n")
    with pytest.raises(ConsoleClosed):
        shell.receive(soon())


def test_a_stopped_process_ends_on_the_target(session: Session, server: SshServer) -> None:
    process = session.start("exec sleep 1000", deadline=soon())
    process.stop()
    assert server.ended.wait(5)


def test_a_connection_cut_in_mid_command_is_seen_at_once(session: Session, wire: Wire) -> None:
    threading.Timer(0.2, wire.cut).start()
    started = time.monotonic()
    with pytest.raises(SshDropped, match=r"the connection to .* ended"):
        session.run("exec sleep 1000", deadline=Deadline.after(60))
    assert time.monotonic() - started < 10
    assert not session.alive


def test_output_cut_off_is_no_result(session: Session, wire: Wire) -> None:
    process = session.start("echo begun; exec sleep 1000", deadline=soon())
    assert process.receive(soon()) == b"begun\n"
    wire.cut()
    with pytest.raises(SshDropped):
        process.receive(soon())
    with pytest.raises(SshDropped):
        process.wait(soon())
    with pytest.raises(InfrastructureError):
        process.send(b"more")


def test_nothing_runs_on_a_dropped_connection(session: Session, wire: Wire) -> None:
    wire.cut()
    with pytest.raises(SshDropped):
        session.run("true", deadline=soon())
    with pytest.raises(SshDropped):
        session.run("true", deadline=soon())


def test_a_frozen_connection_is_not_the_commands_fault(
    session: Session, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.board.ssh.process._ENDING_SECONDS", 0.3)
    process = session.start("exec sleep 1000", deadline=soon())
    wire.freeze()
    with pytest.raises(SshSilent, match="no longer answers"):
        process.wait(Deadline.after(0.2))


def test_keepalive_notices_a_server_that_hangs(wire: Wire, login: Login, pins: PinnedHostKeys) -> None:
    endpoint = Endpoint(BOARD, "127.0.0.1", wire.port)
    transport = log_in(dial(endpoint, soon()), endpoint, login, pins, soon())
    with Session(transport, endpoint, keepalive=0.1, answer_seconds=0.3) as session:
        process = session.start("exec sleep 1000", deadline=soon())
        assert not process._channel.status_event.wait(1), "keepalive ended a connection that is well"
        wire.freeze()
        with pytest.raises(SshSilent):
            process.wait(Deadline.after(60))


def test_what_happens_to_the_board_ends_a_command_at_once(
    server: SshServer, login: Login, pins: PinnedHostKeys
) -> None:
    bell = Bell(Panic("the firmware panicked"))
    with Session.open(Endpoint(BOARD, "127.0.0.1", server.port), login, pins, soon(), watch=bell) as session:
        assert session.run("echo well", deadline=soon()).text == "well"
        threading.Timer(0.2, bell.ring).start()
        with pytest.raises(Panic):
            session.run("exec sleep 1000", deadline=Deadline.after(60))


def test_the_boards_death_is_told_instead_of_the_drop_it_causes(wire: Wire, login: Login, pins: PinnedHostKeys) -> None:
    bell = Bell(BoardDied("killed"))
    with Session.open(Endpoint(BOARD, "127.0.0.1", wire.port), login, pins, soon(), watch=bell) as session:
        wire.cut()
        threading.Timer(0.05, bell.ring).start()
        with pytest.raises(BoardDied):
            session.run("true", deadline=soon())


def test_what_happens_to_the_board_ends_every_use_of_it(server: SshServer, login: Login, pins: PinnedHostKeys) -> None:
    bell = Bell(Panic("the firmware panicked"))
    with Session.open(Endpoint(BOARD, "127.0.0.1", server.port), login, pins, soon(), watch=bell) as session:
        bell.ring()
        session._transport.join(10)
        assert not session.alive
        with pytest.raises(Panic):
            session.tunnel("127.0.0.1", server.port, soon())
        with pytest.raises(Panic):
            session.files.get("/none", server.root / "none", deadline=soon())


def test_a_local_port_leads_to_the_targets(
    session: Session, connect: Callable[..., Session], server: SshServer
) -> None:
    with session.forward(server.port, host="127.0.0.1") as forward:
        with connect(forward.port) as through:
            assert through.run("cat", stdin=b"x" * 300_000, deadline=soon()).stdout == b"x" * 300_000
        port = forward.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_forward_to_nowhere_ends_the_connection(session: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nowhere = int(listener.getsockname()[1])
    with (
        session.forward(nowhere, host="127.0.0.1") as forward,
        socket.create_connection(("127.0.0.1", forward.port), timeout=10) as near,
    ):
        assert near.recv(1) == b""
    assert session.alive
