"""What the bridge does when the TPM, or the way to it, misbehaves."""

from __future__ import annotations

import os
import signal
import struct
import threading
from typing import TYPE_CHECKING

import pytest
from tpm2_pytss import TSS2_RC, TSS2_Exception

from hil.errors import BoardDied, InfrastructureError
from hil.target.tpm import QueueTcti, Tpm, commands

RANDOM = struct.pack(">H", 4) + b"\x01\x02\x03\x04"

if TYPE_CHECKING:
    from collections.abc import Iterator


def response(code: int, body: bytes = b"") -> bytes:
    return struct.pack(">HII", commands.NO_SESSIONS, 10 + len(body), code) + body


class Script:
    """Answers from a list; an exception in it is raised."""

    def __init__(self, *answers: bytes | BaseException) -> None:
        self.answers = list(answers)
        self.asked = 0

    def transmit(self, command: bytes) -> bytes:
        assert command
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def test_a_dead_board_is_reported_as_itself_and_not_as_a_tpm_error() -> None:
    with Tpm(Script(BoardDied("the emulator is gone"))) as tpm, pytest.raises(BoardDied, match="emulator is gone"):
        tpm.random(4)


def test_a_stack_whose_transport_failed_goes_on_saying_so() -> None:
    with Tpm(Script(BoardDied("gone"))) as tpm:
        for _ in range(2):
            with pytest.raises(BoardDied, match="gone"):
                tpm.random(4)


class Waiting:
    """Waits for an answer that a signal cuts off."""

    def transmit(self, command: bytes) -> bytes:
        assert command
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGALRM)).start()
        signal.pause()
        raise TimeoutError("no signal came")


@pytest.fixture
def interrupting() -> Iterator[None]:
    """Have SIGALRM interrupt, as SIGTERM does in a run."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt("SIGTERM")

    before = signal.signal(signal.SIGALRM, interrupt)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("interrupting")
def test_an_interruption_in_the_middle_of_a_command_is_no_error_of_the_tpm() -> None:
    with Tpm(Waiting()) as tpm:
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            tpm.random(4)
        with pytest.raises(InfrastructureError, match="an earlier TPM command was interrupted"):  # as in a `finally`
            tpm.random(4)


def test_retry_is_resubmitted_by_the_stack() -> None:
    script = Script(response(commands.RC_RETRY), response(commands.SUCCESS, RANDOM))
    with Tpm(script) as tpm:
        assert tpm.random(4) == RANDOM[2:]
    assert script.asked == 2


def test_retry_is_resubmitted_for_raw_commands_but_not_for_ever() -> None:
    script = Script(response(commands.RC_RETRY), response(commands.SUCCESS, RANDOM))
    assert commands.submit(script, commands.get_random(4)).body == RANDOM
    stubborn = Script(*[response(commands.RC_RETRY)] * 100)
    assert commands.submit(stubborn, commands.get_random(4)).code == commands.RC_RETRY
    assert stubborn.asked < 10


def test_a_response_is_handed_out_once() -> None:
    tcti = QueueTcti(Script(response(commands.SUCCESS, RANDOM)))
    tcti.transmit(commands.get_random(4))
    assert tcti.receive() == response(commands.SUCCESS, RANDOM)
    with pytest.raises(TSS2_Exception) as refusal:
        tcti.receive()
    assert refusal.value.rc == TSS2_RC.TCTI_RC_BAD_SEQUENCE


@pytest.mark.parametrize("data", [b"", b"\x80\x01\x00", response(0)[:-1], response(0) + b"x"])
def test_a_response_that_lies_about_its_length_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        commands.Response.parse(data)
