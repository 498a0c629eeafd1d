"""Consoles of guests: sockets on the host, so that a guest outlives who started it and whoever listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import CommandFailed
from hil.deadline import Deadline
from hil.linux import GUEST_DIRECTORY, Guest, GuestTaken, command_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.linux import Host

pytestmark = pytest.mark.needs_linux

TIMEOUT = 60.0
KEPT_BYTES = 32 * 1024
"""How much of what it said to nobody a guest's console keeps: KEPT_BYTES of firmware/linux/vmm/line.c."""
ENDED_BY_SIGTERM = 128 + 15


def say_alone(guest: Guest, command: str) -> None:
    """Let a guest execute a command when everybody has left its console, and wait for the end of that command.

    Whoever asks for it is gone before the VMM gets to see that.
    """
    mark = "said it all"
    guest.run("true")
    guest.detach()
    line = command_line(f"{{ {command}; }} >/dev/hvc0; echo '<0>{mark}' >/dev/kmsg").decode().rstrip()
    files = f"{GUEST_DIRECTORY}/{guest.name}"
    guest.host.run(
        f"pid=$(cat {files}/pid); kill -STOP $pid; echo '{line}' | vmm --attach {guest.name}; kill -CONT $pid;"
        f" until grep -q '{mark}' {files}/log; do usleep 10000; done"
    )


def heard(guest: Guest, last: bytes) -> bytes:
    """Return what a guest says, up to these last words."""
    said = b""
    while last not in said:
        said += guest.process.receive(Deadline.after(TIMEOUT))
    return said[: said.index(last)]


def test_a_guest_outlives_the_connection_it_was_started_over(host: Host, guest: Guest) -> None:
    guest.run("echo written before >/tmp/file")
    host.reconnect(Deadline.after(TIMEOUT))
    assert Guest(host, guest.name).run("cat /tmp/file").text == "written before"


def test_what_a_guest_says_to_nobody_is_kept(host: Host, guest: Guest) -> None:
    say_alone(guest, "echo is anybody there")
    assert heard(Guest(host, guest.name), b"there\n").endswith(b"\nis anybody ")


def test_the_last_of_much_that_a_guest_says_to_nobody_is_kept(host: Host, guest: Guest) -> None:
    say_alone(guest, "seq 1 20000 | cat; echo the end")
    again = Guest(host, guest.name)
    said = heard(again, b"the end\n")
    lines = said.splitlines()[1:]
    assert KEPT_BYTES / 2 < len(said) <= KEPT_BYTES
    assert [int(line) for line in lines] == list(range(20001 - len(lines), 20001))
    assert again.run("echo well").text == "well"


def test_who_attaches_takes_the_console_from_who_was_there(host: Host, guest: Guest) -> None:
    guest.run("true")  # it is attached now, and not later
    other = Guest(host, guest.name)
    assert other.run("echo other").text == "other"
    with pytest.raises(GuestTaken):
        guest.run("true")
    assert other.run("echo still there").text == "still there"


def test_a_client_that_does_not_read_keeps_the_vmm_from_nothing(host: Host, guest: Guest) -> None:
    guest.run("true")
    with host.start(f"echo $$ >/tmp/client; exec vmm --attach {guest.name}") as client:
        client.send(command_line("seq 1 50000 | cat >/dev/hvc0"))
        client.receive(Deadline.after(TIMEOUT))
        host.run("kill -STOP $(cat /tmp/client)")
        again = Guest(host, guest.name)
        heard(again, b"50000\n")
    again.signal("TERM")
    assert again.wait_ended() == ENDED_BY_SIGTERM


def test_a_person_gets_a_shell_on_the_console_and_gives_it_back(guest: Guest) -> None:
    guest.shell()
    guest.process.send(b"echo $((6 * 7)) $(tty); exit\r")
    heard(guest, b"42 /dev/hvc0\r\n")
    guest.wait_ready()
    assert guest.run("echo well").text == "well"


def test_a_guest_is_found_by_its_name_while_it_runs(host: Host, guest: Guest) -> None:
    guest.run("true")
    again = Guest.running(host, guest.name)
    assert again is not None
    assert again.run("echo well").text == "well"
    again.stop()
    assert Guest.running(host, guest.name) is None


def test_a_name_is_in_use_as_long_as_its_guest_lives(host: Host, guest: Guest) -> None:
    with pytest.raises(CommandFailed, match=f"a guest of the name {guest.name} runs already"):
        Guest.start(host, guest.name)
    guest.stop()
    Guest.start(host, guest.name).wait_ready()


def test_text_without_a_newline_before_an_answer_is_not_part_of_it(guest: Guest) -> None:
    command = "(sleep 0.05; printf 'starting... ' >/dev/hvc0) & sleep 0.3; echo after"
    assert guest.run(command, deadline=Deadline.after(TIMEOUT)).text == "after"


def test_kernel_messages_among_answers_do_not_become_output(make_guest: Callable[..., Guest]) -> None:
    guest = make_guest(arguments="console=hvc0 ignore_loglevel")
    noise = 'for i in $(seq 2000); do echo "<3>usb 1-1: error -$i" >/dev/kmsg; usleep 3000; done'
    guest.run(f"({noise}) >/dev/null 2>&1 </dev/null &")
    for number in range(20):
        result = guest.run(f"echo {number}; head -c 3000 /dev/zero", deadline=Deadline.after(TIMEOUT))
        assert result.stdout == f"{number}\n".encode() + bytes(3000)
