"""Every way in which a connection may not come about has its own error, in bounded time."""

from __future__ import annotations

import shutil
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import Endpoint, Login, PinnedHostKeys, Session
from hil.board.ssh.errors import SshAuthFailed, SshDropped, SshHostKeyChanged, SshRefused, SshSilent, SshUnreachable
from hil.board.ssh.hostkeys import public_key
from hil.deadline import Deadline
from hil.errors import InfrastructureError, UsageError
from tests.board.ssh.conftest import BOARD
from tests.simulators.ssh import Peer, SshServer, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BANNER = b"SSH-2.0-simulator\r\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def peer() -> Iterator[Callable[[Callable[[socket.socket], None]], Peer]]:
    """Make something that listens and is no SSH server."""
    peers: list[Peer] = []

    def make(serve: Callable[[socket.socket], None]) -> Peer:
        peers.append(Peer(serve))
        return peers[-1]

    yield make
    for one in peers:
        one.close()


def test_a_port_where_nothing_listens_is_refused_at_once(connect: Callable[..., Session]) -> None:
    with pytest.raises(SshRefused, match="nothing listens"):
        connect(free_port())


def test_a_forwarded_port_with_nothing_behind_it_is_refused_at_once(
    connect: Callable[..., Session], peer: Callable[..., Peer]
) -> None:
    closing = peer(lambda stream: stream.shutdown(socket.SHUT_RDWR))
    with pytest.raises(SshRefused, match="closes them before its SSH server sends anything"):
        connect(closing.port)


def test_a_name_that_does_not_exist_is_unreachable(login: Login, pins: PinnedHostKeys) -> None:
    with pytest.raises(SshUnreachable, match="cannot reach"):
        Session.open(Endpoint(BOARD, "no-such-host.invalid"), login, pins, Deadline.after(5))


@pytest.mark.parametrize(
    ("greeting", "said"), [(b"", "said nothing for"), (BANNER, "said 'SSH-2.0-simulator' and then nothing for")]
)
def test_a_half_open_connection_is_given_up_at_the_deadline(
    connect: Callable[..., Session], peer: Callable[..., Peer], greeting: bytes, said: str
) -> None:
    silent = peer(lambda stream: stream.sendall(greeting))
    started = time.monotonic()
    with pytest.raises(SshSilent, match=said):
        connect(silent.port, 0.3)
    assert time.monotonic() - started < 5


def test_a_server_that_ends_the_handshake_is_dropped(
    connect: Callable[..., Session], peer: Callable[..., Peer]
) -> None:
    closing = peer(lambda stream: (stream.sendall(BANNER), stream.shutdown(socket.SHUT_RDWR)))
    with pytest.raises(SshDropped, match="in the handshake"):
        connect(closing.port, 60)


def test_a_server_that_speaks_something_else_is_no_ssh_server(
    connect: Callable[..., Session], peer: Callable[..., Peer]
) -> None:
    web = peer(lambda stream: (stream.sendall(BANNER + b"HTTP/1.1 400 Bad Request\r\n\r\n"), stream.recv(1 << 16)))
    with pytest.raises(InfrastructureError):
        connect(web.port, 2)


def test_an_unknown_key_is_not_let_in(connect: Callable[..., Session], server: SshServer, keys: Path) -> None:
    with pytest.raises(SshAuthFailed, match=r"does not let in user `root` with key .*other"):
        connect(server.port, login=Login("root", keys / "other"))


def test_a_wrong_password_is_not_let_in(connect: Callable[..., Session], server: SshServer) -> None:
    with pytest.raises(SshAuthFailed, match="with password"):
        connect(server.port, login=Login("root", password="open"))
    connect(server.port, login=Login("root", password="sesame")).close()


def test_a_missing_key_file_is_the_users_mistake(
    connect: Callable[..., Session], server: SshServer, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no private key can be read"):
        connect(server.port, login=Login("root", tmp_path / "none"))


def test_another_host_key_than_the_pinned_one_is_refused(
    connect: Callable[..., Session], server: SshServer, keys: Path, tmp_path: Path
) -> None:
    connect(server.port).close()
    impostor = SshServer(keys / "other", keys / "user", tmp_path)
    try:
        with pytest.raises(SshHostKeyChanged, match=r"SHA256:.* is pinned"):
            connect(impostor.port)
    finally:
        impostor.close()
    connect(server.port).close()


def test_a_flashed_board_may_have_a_new_host_key(
    connect: Callable[..., Session], server: SshServer, pins: PinnedHostKeys, keys: Path
) -> None:
    pins.pin(BOARD, public_key(keys / "other.pub"))
    pins.forget(BOARD)
    connect(server.port).close()
    assert pins.pinned(BOARD) == public_key(keys / "host.pub")


def test_pins_outlive_the_process(pins: PinnedHostKeys, keys: Path, tmp_path: Path) -> None:
    pins.pin("one", public_key(keys / "host.pub"))
    pins.pin("two", public_key(keys / "other.pub"))
    pins.pin("one", public_key(keys / "user.pub"))
    again = PinnedHostKeys(tmp_path / "known_hosts")
    assert again.pinned("one") == public_key(keys / "user.pub")
    assert again.pinned("two") == public_key(keys / "other.pub")
    assert again.pinned("three") is None


def test_a_spoilt_pin_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("board ssh-ed25519 AAAA\n")
    with pytest.raises(UsageError, match="not a public key"):
        PinnedHostKeys(tmp_path / "known_hosts").pinned("board")


def test_a_server_that_is_still_starting_is_waited_for(server: SshServer, login: Login, pins: PinnedHostKeys) -> None:
    port = free_port()
    late: list[Wire] = []

    class LateWire(Wire):
        def listen(self) -> socket.socket:
            return socket.create_server(("127.0.0.1", port))

    starting = threading.Timer(0.3, lambda: late.append(LateWire(server.port)))
    starting.start()
    try:
        endpoint = Endpoint(BOARD, "127.0.0.1", port)
        with Session.await_open(endpoint, login, pins, Deadline.after(20)) as session:
            assert session.run("echo up", deadline=Deadline.after(10)).text == "up"
    finally:
        starting.join()
        for one in late:
            one.close()


def test_waiting_for_a_server_ends_at_the_deadline(login: Login, pins: PinnedHostKeys) -> None:
    endpoint = Endpoint(BOARD, "127.0.0.1", free_port())
    with pytest.raises(SshRefused, match=r"; tried for 0.4 s"):
        Session.await_open(endpoint, login, pins, Deadline.after(0.4))


def test_waiting_does_not_repeat_what_cannot_get_better(server: SshServer, keys: Path, pins: PinnedHostKeys) -> None:
    endpoint = Endpoint(BOARD, "127.0.0.1", server.port)
    with pytest.raises(SshAuthFailed):
        Session.await_open(endpoint, Login("root", keys / "other"), pins, Deadline.after(60))
    assert len(server.accepted) == 1


def test_a_proxy_command_carries_the_connection(server: SshServer, login: Login, pins: PinnedHostKeys) -> None:
    relay = (
        "import socket, sys, threading, os\n"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536): s.sendall(data)\n"
        "    os._exit(0)\n"
        "threading.Thread(target=up).start()\n"
        "while data := s.recv(65536): os.write(1, data)\n"
    )
    proxy = (sys.executable, "-c", relay, str(server.port))
    with Session.open(Endpoint(BOARD, "nowhere.invalid", 22, proxy), login, pins, Deadline.after(20)) as session:
        assert session.run("echo through", deadline=Deadline.after(10)).text == "through"


def test_a_proxy_command_that_fails_is_refused(login: Login, pins: PinnedHostKeys) -> None:
    with pytest.raises(SshRefused, match=r"`.*false` does not lead to an SSH server"):
        Session.open(
            Endpoint(BOARD, "nowhere.invalid", 22, (shutil.which("false") or "",)), login, pins, Deadline.after(9)
        )


def test_one_machine_leads_to_the_next(session: Session, server: SshServer, login: Login, pins: PinnedHostKeys) -> None:
    inner = Endpoint(BOARD, "127.0.0.1", server.port)
    with Session.open(inner, login, pins, Deadline.after(10), via=session) as through:
        assert through.run("echo inner", deadline=Deadline.after(10)).text == "inner"
    assert session.run("echo outer", deadline=Deadline.after(10)).text == "outer"


def test_a_machine_that_leads_nowhere_says_so(session: Session, login: Login, pins: PinnedHostKeys) -> None:
    with pytest.raises(SshRefused, match=r"cannot connect to 127.0.0.1"):
        Session.open(Endpoint(BOARD, "127.0.0.1", free_port()), login, pins, Deadline.after(10), via=session)
