"""Files arrive whole, or their transfer fails and says why."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from hil.board.ssh.errors import RemoteFileError, SshDropped, SshSilent, TransferFailed
from hil.deadline import Deadline
from hil.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hil.board.ssh import Session
    from tests.simulators.ssh import SshServer, Wire


def soon() -> Deadline:
    return Deadline.after(10)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    file = tmp_path / "image.bin"
    file.write_bytes(os.urandom(300_001))
    file.chmod(0o750)
    return file


def test_a_file_makes_the_round_trip(session: Session, server: SshServer, local: Path, tmp_path: Path) -> None:
    session.files.put(local, "/copy", deadline=soon())
    assert (server.root / "copy").read_bytes() == local.read_bytes()
    assert (server.root / "copy").stat().st_mode & 0o777 == 0o750
    back = session.files.get("/copy", tmp_path / "back", deadline=soon())
    assert back.read_bytes() == local.read_bytes()


def test_a_directory_takes_a_file_under_its_own_name(
    session: Session, server: SshServer, local: Path, tmp_path: Path
) -> None:
    (server.root / "there").mkdir()
    (tmp_path / "here").mkdir()
    session.files.put(local, "/there", deadline=soon())
    assert session.files.get("/there/image.bin", tmp_path / "here", deadline=soon()) == tmp_path / "here/image.bin"
    assert (tmp_path / "here/image.bin").read_bytes() == local.read_bytes()


def test_progress_ends_at_the_whole_file(session: Session, local: Path) -> None:
    seen: list[tuple[int, int]] = []
    session.files.put(local, "/copy", deadline=soon(), progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (300_001, 300_001)


def test_a_short_write_is_noticed(session: Session, server: SshServer, local: Path) -> None:
    server.short_writes = True
    with pytest.raises(TransferFailed, match="300000 of 300001 bytes"):
        session.files.put(local, "/copy", deadline=soon())


def test_a_full_disk_is_noticed_and_the_next_transfer_is_well(session: Session, server: SshServer, local: Path) -> None:
    server.full = True
    with pytest.raises(TransferFailed):
        session.files.put(local, "/copy", deadline=soon())
    server.full = False
    session.files.put(local, "/copy", deadline=soon())
    assert (server.root / "copy").read_bytes() == local.read_bytes()


def test_the_death_of_the_sftp_server_is_not_that_of_the_connection(
    session: Session, server: SshServer, local: Path
) -> None:
    server.dying = True
    with pytest.raises(TransferFailed):
        session.files.put(local, "/copy", deadline=soon())
    session.files.put(local, "/copy", deadline=soon())
    assert (server.root / "copy").read_bytes() == local.read_bytes()


def test_a_transfer_that_takes_too_long_ends(session: Session, local: Path) -> None:
    deadline = Deadline.after(0.2)

    def dawdle(_done: int, _total: int) -> None:
        threading.Event().wait(deadline.remaining)

    with pytest.raises(TransferFailed, match=r"not done within 0\.2 s"):
        session.files.put(local, "/copy", deadline=deadline, progress=dawdle)
    session.files.put(local, "/copy", deadline=soon())


def test_a_missing_remote_file_is_a_finding(session: Session, tmp_path: Path) -> None:
    with pytest.raises(RemoteFileError, match="No such file"):
        session.files.get("/none", tmp_path / "back", deadline=soon())


def test_a_missing_local_file_is_the_users_mistake(session: Session, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        session.files.put(tmp_path / "none", "/copy", deadline=soon())


def test_a_target_without_sftp_says_so(session: Session, server: SshServer, local: Path) -> None:
    server.refuse_sftp = True
    with pytest.raises(TransferFailed, match="no SFTP server"):
        session.files.put(local, "/copy", deadline=soon())
    assert session.run("echo well", deadline=soon()).text == "well"


def test_a_connection_cut_in_mid_transfer_is_dropped(session: Session, wire: Wire, local: Path) -> None:
    with pytest.raises(SshDropped):
        session.files.put(local, "/copy", deadline=soon(), progress=lambda *_: wire.cut())


def test_a_stalled_transfer_ends_at_the_deadline(
    session: Session, wire: Wire, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.board.ssh.transfer._PROBE_SECONDS", 0.3)
    with pytest.raises(SshSilent):
        session.files.put(local, "/copy", deadline=Deadline.after(0.5), progress=lambda *_: wire.freeze())
