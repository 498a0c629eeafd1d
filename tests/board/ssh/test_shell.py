"""A shell that stays tells commands apart, and survives what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import Session, Shell
from hil.board.ssh.errors import SshDropped
from hil.deadline import Deadline
from hil.errors import CommandFailed, CommandTimeout, ConsoleClosed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulators.ssh import Wire


def soon() -> Deadline:
    return Deadline.after(10)


@pytest.fixture
def shell(session: Session) -> Iterator[Shell]:
    with Shell(session, soon()) as shell:
        yield shell


def test_each_command_has_its_own_output_errors_and_status(shell: Shell) -> None:
    first = shell.run("echo out; echo err >&2; exit 3", deadline=soon())
    assert (first.stdout, first.stderr, first.status) == (b"out\n", b"err\n", 3)
    second = shell.run("printf half", deadline=soon())
    assert (second.stdout, second.stderr, second.status) == (b"half", b"", 0)
    with pytest.raises(CommandFailed, match="status 3: err"):
        first.check()


@pytest.mark.parametrize(
    "broken", ["echo 'unfinished", "(", "}", "exit", "exec true", "cd /; x=1; set -e; false", "read"]
)
def test_no_command_spoils_the_next_one(shell: Shell, broken: str) -> None:
    before = shell.run("pwd", deadline=soon()).text
    shell.run(broken, deadline=soon())
    assert shell.run('echo "$PWD $x"', deadline=soon()).text == f"{before} "


def test_large_outputs_come_whole(shell: Shell) -> None:
    result = shell.run("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2", deadline=soon())
    assert (len(result.stdout), len(result.stderr)) == (1_000_000, 1_000_000)


def test_a_late_command_ends_its_shell(shell: Shell) -> None:
    with pytest.raises(CommandTimeout, match="its shell was killed"):
        shell.run("sleep 1000", deadline=Deadline.after(0.2))
    with pytest.raises(ConsoleClosed):
        shell.run("true", deadline=soon())


def test_a_dropped_connection_is_seen_at_once(shell: Shell, wire: Wire) -> None:
    wire.cut()
    with pytest.raises(SshDropped):
        shell.run("true", deadline=soon())
