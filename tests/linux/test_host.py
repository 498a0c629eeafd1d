"""A board's Linux as tests see it, with a server in this process in its place."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from labgrid.step import steps

from hil.deadline import Deadline
from hil.errors import CommandFailed, CommandTimeout, FirmwareError
from hil.linux import Host, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.simulators.ssh import SshServer


def test_a_line_is_for_the_shell_and_words_are_not(machine: Machine) -> None:
    assert machine.run("echo $((1 + 1))").text == "2"
    assert machine.run(["echo", "$((1 + 1))", "two  blanks"]).text == "$((1 + 1)) two  blanks"


def test_a_failed_command_is_a_finding_unless_it_may_fail(machine: Machine) -> None:
    with pytest.raises(CommandFailed) as caught:
        machine.run("exit 3")
    assert isinstance(caught.value, FirmwareError)
    assert machine.run("exit 3", check=False).status == 3


def test_the_tests_own_deadline_counts(machine: Machine) -> None:
    with pytest.raises(CommandTimeout):
        machine.run("exec sleep 1000", deadline=Deadline.after(0.1))


def test_a_background_process_ends_with_its_block(machine: Machine, server: SshServer) -> None:
    with machine.start("exec sleep 1000") as process:
        assert process.running
    assert server.ended.wait(5)


def test_files_come_and_go(machine: Machine, server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "sent").write_text("content")
    machine.put(tmp_path / "sent", "/kept")
    assert machine.get("/kept", tmp_path / "back").read_text() == (server.root / "kept").read_text() == "content"


def test_every_command_is_a_step_of_the_record(machine: Machine) -> None:
    seen: list[Any] = []
    steps.subscribe(seen.append)
    try:
        machine.run("echo hello")
    finally:
        steps.unsubscribe(seen.append)
    ended = [event.step for event in seen if event.data.get("state") == "stop"]
    assert [(step.title, step.args, step.source) for step in ended] == [("run", {"command": "echo hello"}, machine)]


def test_a_reboot_is_announced_before_and_followed_by_a_new_connection() -> None:
    said: list[str] = []

    class Session:
        def start(self, command: str, **_: Any) -> None:
            said.append(command)

    class Driver:
        board_name = "simulated"
        session = Session()

        def connect(self, _deadline: Deadline) -> None:
            said.append("connected")

    class Strategy:
        @contextlib.contextmanager
        def expecting_reboot(self) -> Iterator[None]:
            said.append("expecting")
            yield
            said.append("booted")

    strategy: Any = Strategy()
    driver: Any = Driver()
    Host(strategy, driver).reboot()
    assert said == ["expecting", "sync; reboot -f", "booted", "connected"]
