"""Commands at a prompt, on simulated lines: output, status, and what went wrong."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

import pytest

from hil.account import listen
from hil.deadline import Deadline
from hil.errors import (
    BootHang,
    CommandFailed,
    CommandTimeout,
    ConsoleInterrupted,
    ConsoleTimeout,
    ExpectTimeout,
    UnexpectedReboot,
    UsageError,
)
from hil.target.console import PLAIN, UBOOT, Console, Prompt
from hil.target.words.account import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.account import Action
    from hil.errors import HilError

TIMEOUT = 0.05


class Board:
    """A `ByteStream` to firmware with a prompt, which answers at once; pieces arrive one byte at a time."""

    name = "console"

    def __init__(self, answers: dict[str, tuple[str, int]] | None = None, *, echo: bool = True) -> None:
        self.answers = answers or {}
        self.echo = echo
        self.typed: list[str] = []
        self.token = ""
        self.status = 0
        self.unread = b""
        self.blamed: HilError | None = None
        self.restarts_at = ""

    def send(self, data: bytes) -> None:
        command = data.decode().rstrip("\r\n")
        self.typed.append(command)
        if self.echo:
            self.unread += command.encode() + b"\r\n" + self.answer(command).encode()

    def answer(self, command: str) -> str:
        if command == self.restarts_at:
            self.token = ""
            return "U-Boot 2023.01\r\n\r\n=> "
        if found := re.fullmatch(r"hil_boot=(\w+)", command):
            self.token, self.status = found[1], 0
            return "=> "
        if found := re.fullmatch(r"echo (\w+) \$\? \$hil_boot \.", command):
            return f"{found[1]} {self.status} {self.token} .\r\n=> ".replace("  ", " ")
        text, self.status = self.answers.get(command, ("", 1))
        return text

    def receive(self, deadline: Deadline) -> bytes:
        if not self.unread:
            time.sleep(min(deadline.remaining, TIMEOUT))
            raise ConsoleTimeout("it said nothing")
        data, self.unread = self.unread[:1], self.unread[1:]
        return data

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        return tuple(self.typed[-lines:])

    def silence(self) -> HilError | None:
        return self.blamed


class Judge:
    """Whether there was a line like a banner; raises in the place of the board's alarm."""

    suspicious = False

    def restarted(self) -> None:
        raise UnexpectedReboot("the board rebooted")


def at_prompt(board: Board, judge: Judge | None = None) -> Prompt:
    @contextlib.contextmanager
    def judging() -> Iterator[Judge]:
        yield judge or Judge()

    prompt = Prompt(Console(board, prompt_pattern="=> "), "=> ", UBOOT, judging=judging)
    prompt.hello(Deadline.after(1))
    return prompt


def test_output_and_status_are_those_of_the_command_alone() -> None:
    prompt = at_prompt(Board({"bdinfo": ("a = 1\r\n=> is no prompt here\r\n=> ", 0)}))
    answer = prompt.run("bdinfo", 1)
    assert (answer.lines, answer.status) == (["a = 1", "=> is no prompt here"], 0)
    assert repr(prompt) == "<prompt `=> ` on console `console`>"


def test_a_status_other_than_0_is_an_error_with_the_output() -> None:
    prompt = at_prompt(Board({"load": ("no device\r\n=> ", 1)}))
    with pytest.raises(CommandFailed, match="`load` ended with status 1") as caught:
        prompt.run("load", 1)
    assert caught.value.context.console == ("no device",)
    assert prompt.run("load", 1, check=False).status == 1


def test_commands_are_told_with_output_and_status_and_what_became_of_them() -> None:
    prompt = at_prompt(Board({"bdinfo": ("a = 1\r\n=> ", 0), "load": ("no device\r\n=> ", 1), "sleep": ("", 0)}))
    told: list[Action] = []
    stop = listen(told.append)
    try:
        prompt.run("bdinfo", 1)
        prompt.run("load", 1, check=False)
        with pytest.raises(CommandTimeout):
            prompt.run("sleep", TIMEOUT)
        prompt.send("boot")
    finally:
        stop()
    words = [in_words(action) for action in told]
    assert [(word.kind, word.where, word.what, word.ok) for word in words] == [
        ("command", "console", "bdinfo", True),
        ("command", "console", "load", False),
        ("command", "console", "sleep", False),
        ("command", "console", "boot", True),
    ]
    assert [word.answer for word in words[:2]] == ["a = 1", "status 1: no device"]


def test_a_command_without_a_prompt_in_time_is_an_error_with_the_console() -> None:
    prompt = at_prompt(Board({"sleep": ("waiting\r\n", 0)}))
    with pytest.raises(CommandTimeout, match=r"`sleep` gave no prompt `=> ` within 0.05 s") as caught:
        prompt.run("sleep", TIMEOUT)
    assert caught.value.context.console[-1] == "sleep"


def test_a_line_that_not_even_echoes_says_nothing_about_the_firmware() -> None:
    with pytest.raises(ConsoleTimeout, match="nor anything else on console `console`"):
        at_prompt(Board(echo=False)).run("version", TIMEOUT)


def test_a_line_that_was_taken_away_is_to_blame() -> None:
    board = Board({"sleep": ("waiting\r\n", 0)})
    prompt = at_prompt(board)
    board.blamed = ConsoleInterrupted("minicom has the port open as well")
    with pytest.raises(ConsoleInterrupted, match=r"gave no prompt .* but minicom"):
        prompt.run("sleep", TIMEOUT)
    with pytest.raises(ConsoleInterrupted, match=r"`x` did not come .* but minicom"):
        prompt.console.expect("x", TIMEOUT)


def test_a_restart_shows_by_the_variable_that_it_loses() -> None:
    board, judge = Board({"version": ("U-Boot 2023.01\r\n=> ", 0)}), Judge()
    prompt = at_prompt(board, judge)
    judge.suspicious = True
    assert prompt.run("version", 1).text == "U-Boot 2023.01"
    board.restarts_at = "reset"
    with pytest.raises(UnexpectedReboot):
        prompt.run("reset", 1)


def test_a_lost_variable_alone_is_no_restart() -> None:
    board = Board({"clear": ("=> ", 0)})
    prompt = at_prompt(board)
    board.restarts_at = "clear"
    prompt.run("clear", 1)
    assert board.token


def test_a_banner_without_a_prompt_behind_it_is_a_restart() -> None:
    judge = Judge()
    prompt = at_prompt(Board({"reset": ("U-Boot 2023.01\r\nautoboot", 0)}), judge)
    judge.suspicious = True
    with pytest.raises(UnexpectedReboot):
        prompt.run("reset", TIMEOUT)


def test_an_automatic_boot_is_stopped_on_the_way_to_the_prompt() -> None:
    board = Board({"": ("=> ", 0)})
    board.unread = b"U-Boot 2023.01\r\nHit any key to stop autoboot:  2 "
    prompt = Prompt(Console(board), "=> ", UBOOT)
    prompt.wait(Deadline.after(1), ((re.compile("stop autoboot"), "\n"),))
    assert board.typed[0] == ""


def test_a_boot_without_a_prompt_is_a_hang_that_names_it() -> None:
    board = Board()
    board.unread = b"U-Boot 2023.01\r\n"
    with pytest.raises(BootHang, match=r"the prompt `=> ` did not come on console `console` within 0.05 s"):
        Prompt(Console(board), "=> ", UBOOT).wait(Deadline.after(TIMEOUT))


def test_a_prompt_without_statuses_types_nothing_of_its_own() -> None:
    board = Board({"kernel uptime": ("Uptime: 5 ms\r\n=> ", 0)})
    answer = Prompt(Console(board), "=> ", PLAIN).run("kernel uptime", 1)
    assert (answer.text, answer.status, board.typed) == ("Uptime: 5 ms", None, ["kernel uptime"])


def test_expect_consumes_up_to_the_match_and_sees_text_without_escape_sequences() -> None:
    board = Board()
    board.unread = b"\x1b[32mready\x1b[0m: 1\r\nready: 2\r\nM\xc3\xbcnchen"
    console = Console(board)
    assert console.expect(r"^ready: (\d)$", 1)[1] == "1"
    assert console.expect(r"^ready: (\d)$", 1)[1] == "2"
    assert console.expect("M.nchen", 1)[0] == "München"
    assert console.read() == ""


@pytest.mark.parametrize(
    "use", [lambda console: console.expect("never", TIMEOUT), lambda console: console.prompt(TIMEOUT)]
)
def test_text_that_does_not_come_is_an_error_with_the_console(use: Callable[[Console], object]) -> None:
    with pytest.raises(ExpectTimeout, match=r"did not come on console `console` within 0.05 s"):
        use(Console(Board(), prompt_pattern="=> "))


def test_a_console_without_a_prompt_says_so() -> None:
    with pytest.raises(UsageError, match="no prompt is known for console `console`"):
        Console(Board()).prompt()
