"""Frames on a line that loses, changes and inserts bytes."""

from __future__ import annotations

import binascii
import random
import zlib
from collections import deque

import pytest

from hil.deadline import Deadline
from hil.errors import ConsoleTimeout, Panic, UnexpectedReboot
from hil.target.monitor import MonitorRefused, frame
from hil.target.monitor.link import Link


def answer(sequence: int, text: str) -> bytes:
    body = f"{sequence:x} {text}".encode()
    return b"=%s *%08x\n" % (body, zlib.crc32(body))


class Shell:
    """Plays the monitor: at most once per sequence number, NAK for damaged frames; `spoil` damages both directions."""

    name = "monitor"

    def __init__(self, spoil: random.Random | None = None) -> None:
        self.executed: list[str] = []
        self._spoil = spoil
        self._received = b""
        self._last = (0, b"")
        self.out: deque[bytes] = deque()
        self.served = 0
        self.losing = 0

    def send(self, data: bytes) -> None:
        self._received += self._through(data)
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            self._serve(line)

    def _serve(self, line: bytes) -> None:
        if b":" not in line:
            return
        body, _, crc = line[line.rindex(b":") + 1 :].rpartition(b" *")
        if crc != b"%08x" % zlib.crc32(body):
            self.say(answer(0, "nak"))
            return
        number, _, text = body.decode().partition(" ")
        if int(number, 16) != self._last[0]:
            self.executed.append(text)
            self._last = (int(number, 16), answer(int(number, 16), f"ok {text[::-1]}"))
        self.served += 1
        if self.served > self.losing:
            self.say(self._last[1])

    def say(self, data: bytes) -> None:
        data = self._through(data)
        while data:
            size = self._spoil.randint(1, 9) if self._spoil else len(data)
            self.out.append(data[:size])
            data = data[size:]

    def _through(self, data: bytes) -> bytes:
        if self._spoil is None:
            return data
        spoilt = bytearray()
        for byte in data:
            match self._spoil.randint(0, 150):
                case 0:
                    pass
                case 1:
                    spoilt.append(byte ^ 1 << self._spoil.randint(0, 7))
                case 2:
                    spoilt += bytes([byte, self._spoil.choice(b"\xff\xc3:=*\n a0")])
                case _:
                    spoilt.append(byte)
        if self._spoil.randint(0, 3) == 0:
            spoilt = bytearray(self._spoil.choice([b"\xc3", b"=1 ok *00000000", b"NOTICE: =", b"a=b =2 \r\n"])) + spoilt
        return bytes(spoilt)

    def receive(self, deadline: Deadline) -> bytes:
        if self.out:
            return self.out.popleft()
        if deadline.remaining:
            # Silence, without waiting for it.
            object.__setattr__(deadline, "at", 0.0)
        raise ConsoleTimeout("silence")

    def silence(self) -> None:
        return None

    def tail(self, lines: int = 20) -> tuple[str, ...]:  # noqa: ARG002
        return ("last line",)


def soon() -> Deadline:
    return Deadline.after(10)


def test_an_answer_glued_to_foreign_text_is_found() -> None:
    found, rest = frame.answers(b"NOTICE:  x=12 =5 =7 y" + answer(0x1F, "ok AA==") + b"BL31: z")
    assert found == {0x1F: "ok AA=="}
    assert rest == b"BL31: z"


@pytest.mark.parametrize("at", range(len(answer(7, "ok 1234"))))
def test_an_answer_with_one_wrong_bit_is_no_answer(at: int) -> None:
    good = answer(7, "ok 1234")
    for bit in range(8):
        bad = bytearray(good)
        bad[at] ^= 1 << bit
        found, _ = frame.answers(bytes(bad) + b"\n")
        # Upper case digits of the CRC and a carriage return are the same answer written otherwise.
        assert found in ({}, {7: "ok 1234"})
        assert 7 not in found or bytes(bad).lower().replace(b"\r", b"\n") == good


@pytest.mark.parametrize("seed", range(40))
def test_noise_costs_time_and_never_gives_a_wrong_answer_or_runs_twice(seed: int) -> None:
    shell = Shell(random.Random(seed))
    link = Link(shell)
    asked = [
        f"run {number} {binascii.b2a_base64(bytes([number] * 30), newline=False).decode()}" for number in range(10)
    ]
    assert [link.ask(text, Deadline.after(1e6)) for text in asked] == [text[::-1] for text in asked]
    assert shell.executed == asked


def test_a_lost_answer_is_fetched_again_without_running_the_request_again() -> None:
    shell = Shell()
    shell.losing = 2
    assert Link(shell).ask("ab", soon()) == "ba"
    assert shell.served == 3
    assert shell.executed == ["ab"]


def test_the_answer_to_another_request_is_not_taken() -> None:
    shell = Shell()
    link = Link(shell)
    shell.say(answer(link._sequence, "ok stale"))
    assert link.ask("ab", soon()) == "ba"


def test_silence_is_a_timeout_with_the_last_lines_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(shell, "send", lambda _: None)
    with pytest.raises(ConsoleTimeout, match="no undamaged answer") as caught:
        Link(shell).ask("ab", Deadline.after(0.01))
    assert caught.value.context.console == ("last line",)
    assert "transcript" in caught.value.context.hint


def test_endless_noise_is_a_timeout_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(shell, "send", lambda _: None)
    monkeypatch.setattr(shell, "receive", lambda _: b"noise\n")
    with pytest.raises(ConsoleTimeout):
        Link(shell).ask("ab", Deadline.after(0.05), retry_seconds=0.01)


def test_a_refusal_carries_the_monitor_s_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    link = Link(shell)
    monkeypatch.setattr(shell, "send", lambda _: shell.say(answer(link._sequence, "err space: no RAM is left")))
    with pytest.raises(MonitorRefused, match="no RAM is left") as caught:
        link.ask("create 1", soon())
    assert caught.value.reason == "space"


def test_a_second_banner_and_a_lost_request_are_an_unexpected_reboot(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    sent: list[bytes] = []

    def start_again(line: bytes) -> None:
        sent.append(line)
        shell.say(b"\r\nmonitor: ready\r\n")

    monkeypatch.setattr(shell, "send", start_again)
    with pytest.raises(UnexpectedReboot, match="the monitor started again"):
        Link(shell).ask("ab", soon(), retry_seconds=0.01)
    assert len(sent) == 1


def test_a_second_banner_alone_is_no_reboot() -> None:
    shell = Shell()
    shell.say(b"\r\nmonitor: ready\r\nmonitor> ")
    assert Link(shell).ask("ab", soon()) == "ba"


def test_a_line_on_which_no_request_arrives_hints_at_pacing(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    link = Link(shell)
    link.ask("ab", soon())
    monkeypatch.setattr(shell, "send", lambda _: None)
    for asking, slow in ((link, False), (Link(shell), True)):
        with pytest.raises(ConsoleTimeout) as caught:
            asking.ask("ab", Deadline.after(0.01))
        assert ("`txdelay`" in caught.value.context.hint) is slow


def test_the_banner_is_expected_after_boot() -> None:
    shell = Shell()
    shell.say(b"\r\nmonitor: ready\r\nmonitor> ")
    assert Link(shell).ask("ping", soon(), after_boot=True) == "gnip"


def test_a_panic_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(shell, "send", lambda _: shell.say(b"monitor: PANIC class=1 esr=96000010\n"))
    with pytest.raises(Panic):
        Link(shell).ask("ab", soon())
