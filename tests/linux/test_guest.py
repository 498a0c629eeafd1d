"""Guests as tests see them: the real command loop, built for this machine, with a script for the VMM."""

from __future__ import annotations

import os
import shlex
import signal
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import CommandFailed, CommandTimeout
from hil.linux import Guest, GuestEnded, GuestHang, GuestPanic, GuestRestarted, WantedVtpm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.linux import Machine

VMM = """#!/bin/sh
case $1 in
--name)
	echo "$@" >{scratch}/arguments
	mkdir -p {guests}/$2
	echo its last words >{guests}/$2/log
	;;
--attach)
	echo $$ >{guests}/$2/pid
	echo something that it said before
	exec 3<&0
	{commands} {scratch} <&3 &
	trap "cat {guests}/$2/log >&2; kill $!; exit 2" USR1
	trap "kill $!; exit 143" TERM
	wait
	;;
--stop)
	kill $(cat {guests}/$2/pid)
	while kill -0 $(cat {guests}/$2/pid) 2>/dev/null; do sleep 0.01; done
	;;
esac
"""


@pytest.fixture
def scratch(tmp_path: Path, command_loop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that the guest has; a VMM is in the path."""
    programs, scratch, guests = (tmp_path / name for name in ("bin", "scratch", "guests"))
    programs.mkdir()
    scratch.mkdir()
    vmm = programs / "vmm"
    places = {"scratch": scratch, "guests": guests, "commands": command_loop}
    vmm.write_text(VMM.format(**{name: shlex.quote(str(path)) for name, path in places.items()}))
    vmm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr("hil.linux.guest.DIRECTORY", str(guests))
    return scratch


@pytest.fixture
def guest(machine: Machine, scratch: Path) -> Iterator[Guest]:
    assert scratch.is_dir()
    guest = Guest.start(machine)
    guest.wait_ready(Deadline.after(10))
    yield guest
    guest.detach()


def restart(guest: Guest) -> str:
    """A command that makes the VMM end as after a restart."""
    return f"kill -USR1 {guest.pid}; sleep 10"


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
    with pytest.raises(CommandTimeout, match="which is alive"):
        guest.run("exec sleep 5", deadline=Deadline.after(0.2))


def test_a_guest_that_answers_nothing_hangs_and_says_how_it_is_with_its_vmm(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.linux.commandloop.ALIVE_SECONDS", 0.5)
    monkeypatch.setattr("hil.linux.dialogue.LATENCY_SECONDS", 0.2)
    loop = int(guest.run("echo $PPID").text)
    guest.signal("STOP")
    os.kill(loop, signal.SIGSTOP)
    with pytest.raises(GuestHang, match="the threads of its VMM: stopped") as caught:
        guest.run("true", deadline=Deadline.after(0.2))
    os.kill(loop, signal.SIGCONT)
    guest.signal("CONT")
    assert "its last words" in caught.value.context.console


def test_a_late_answer_is_not_taken_for_that_of_the_next_command(guest: Guest) -> None:
    with pytest.raises(CommandTimeout):
        guest.run("sleep 0.5; echo late", deadline=Deadline.after(0.1))
    assert guest.run("echo next").text == "next"


def test_a_guest_that_restarts_is_noticed_with_its_last_words(guest: Guest) -> None:
    with pytest.raises(GuestRestarted) as caught:
        guest.run(restart(guest), deadline=Deadline.after(10))
    assert "its last words" in caught.value.context.console


def test_a_panic_is_told_from_a_restart_that_was_asked_for(guest: Guest, tmp_path: Path) -> None:
    (tmp_path / "guests" / guest.name / "log").write_text("[1.0] Kernel panic - not syncing: sysrq\n")
    with pytest.raises(GuestPanic, match="sysrq"):
        guest.run(restart(guest), deadline=Deadline.after(10))


def test_a_guest_that_does_not_come_up_hangs_and_its_host_does_not(guest: Guest) -> None:
    with pytest.raises(GuestHang) as caught:
        guest.wait_ready(Deadline.after(0.1))
    assert "its last words" in caught.value.context.console


def test_a_console_is_attached_to_again_where_it_was_left(machine: Machine, guest: Guest) -> None:
    guest.detach()
    assert Guest(machine, guest.name).run("echo again").text == "again"


def test_a_guest_that_was_stopped_has_ended(guest: Guest) -> None:
    guest.stop()
    with pytest.raises(GuestEnded):
        guest.run("true", deadline=Deadline.after(10))


def test_options_reach_the_vmm(machine: Machine, scratch: Path) -> None:
    vtpms = [WantedVtpm(1), WantedVtpm(slots=15)]
    guest = Guest.start(machine, "one", memory=128, cpus=2, vtpms=vtpms, arguments="debug")
    words = (scratch / "arguments").read_text()
    assert words.startswith("--name one ")
    assert words.endswith("debug --memory 128 --cpus 2 --vtpm=0x1,1 --vtpm=0x0,15\n")
    guest.detach()


def test_guest_without_vtpm_asks_for_none(machine: Machine, scratch: Path) -> None:
    Guest.start(machine, vtpms=()).detach()
    assert "--vtpm" not in (scratch / "arguments").read_text()


def test_a_vmm_that_refuses_is_quoted(machine: Machine, scratch: Path) -> None:
    (scratch.parent / "bin" / "vmm").write_text("#!/bin/sh\necho 'vmm: creating vTPM 0: ENOSPC' >&2; exit 1\n")
    with pytest.raises(CommandFailed, match="creating vTPM 0: ENOSPC"):
        Guest.start(machine)
