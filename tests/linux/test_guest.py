"""Guests as tests see them: the real commands of the guest's initramfs, with a script on this machine for the VMM."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.linux import Guest, GuestEnded
from hil.ssh.errors import CommandFailed, CommandTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.linux import Machine

COMMANDS = Path(__file__).resolve().parents[2] / "firmware" / "linux" / "guest" / "root" / "etc" / "commands"
VMM = """#!/bin/sh
echo "$@" >{scratch}/arguments
echo something of the kernel
echo its last words >&2
scratch={scratch}
. {commands}
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that the guest has; a VMM is in the path."""
    programs, scratch = tmp_path / "bin", tmp_path / "scratch"
    programs.mkdir()
    scratch.mkdir()
    vmm = programs / "vmm"
    vmm.write_text(VMM.format(scratch=shlex.quote(str(scratch)), commands=shlex.quote(str(COMMANDS))))
    vmm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return scratch


@pytest.fixture
def guest(machine: Machine, scratch: Path) -> Iterator[Guest]:
    assert scratch.is_dir()
    guest = Guest(machine)
    guest.wait_ready(Deadline.after(10))
    yield guest
    guest.stop()


def test_output_errors_and_status_come_apart(guest: Guest) -> None:
    result = guest.run("echo out; echo err >&2; exit 3", check=False)
    assert (result.stdout, result.stderr, result.status) == (b"out\n", b"err\n", 3)


def test_a_command_may_say_nothing(guest: Guest) -> None:
    result = guest.run("true")
    assert (result.stdout, result.stderr, result.status) == (b"", b"", 0)


def test_input_and_output_are_bytes(guest: Guest) -> None:
    everything = bytes(range(256)) * 16
    assert guest.run("cat", stdin=everything).stdout == everything


def test_a_command_can_have_lines_and_words(guest: Guest) -> None:
    assert guest.run("x=1\necho $x\n").text == "1"
    assert guest.run(["echo", "$x", "two  blanks"]).text == "$x two  blanks"


def test_output_that_looks_like_an_answer_is_none(guest: Guest) -> None:
    assert guest.run("echo 'guest: 2 0 = ='; echo 'guest: 1 7 = ='").lines == ["guest: 2 0 = =", "guest: 1 7 = ="]
    assert guest.run("echo second").text == "second"


def test_a_failed_command_is_a_finding(guest: Guest) -> None:
    with pytest.raises(CommandFailed):
        guest.run("exit 3")


def test_a_command_that_does_not_end_is_one_of_its_own_kind(guest: Guest) -> None:
    with pytest.raises(CommandTimeout):
        guest.run("exec sleep 5", deadline=Deadline.after(0.2))


def test_a_late_answer_is_not_taken_for_that_of_the_next_command(guest: Guest) -> None:
    with pytest.raises(CommandTimeout):
        guest.run("sleep 0.5; echo late", deadline=Deadline.after(0.1))
    assert guest.run("echo next").text == "next"


def test_a_guest_that_ends_is_noticed_with_its_last_words(guest: Guest) -> None:
    with pytest.raises(GuestEnded) as caught:
        guest.run("kill $PPID", deadline=Deadline.after(10))
    assert "its last words" in caught.value.context.console


def test_options_reach_the_vmm(machine: Machine, scratch: Path) -> None:
    guest = Guest(machine, memory=128, cpus=2, requirements=1, arguments="debug")
    guest.wait_ready(Deadline.after(10))
    guest.stop()
    words = (scratch / "arguments").read_text()
    assert "debug --memory 128 --cpus 2 --vtpm --requirements 1" in words


def test_guest_without_vtpm_asks_for_none(machine: Machine, scratch: Path) -> None:
    guest = Guest(machine, vtpm=False)
    guest.wait_ready(Deadline.after(10))
    guest.stop()
    assert "--vtpm" not in (scratch / "arguments").read_text()
