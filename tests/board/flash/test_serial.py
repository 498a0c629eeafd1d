"""Serial lines of real boards lose, change and insert bytes, and go away (failure modes 8, 9 and 10)."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import BoardUnreachable, ConsoleClosed, ConsoleInterrupted, ConsoleTimeout, Panic
from hil.target.monitor.link import Link
from tests.simulators.bench import Bench
from tests.simulators.board import BANNERS
from tests.simulators.serial import Noise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.board.drivers.serialline import SerialLine
    from hil.record.transcript import Transcript, TranscriptLine

LONG = 30.0


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(noise: Noise | None = None) -> Bench:
        benches.append(Bench.build(tmp_path, noise))
        return benches[0]

    yield make
    for bench in benches:
        bench.close()


def booted(bench: Bench) -> tuple[Link, SerialLine, Transcript]:
    strategy = bench.strategy()
    strategy.transition("monitor")
    line = strategy.board.uart("monitor")
    return Link(line), line, strategy.transcripts["monitor"]


def listen(line: SerialLine) -> None:
    """Read until an error ends it."""
    while True:
        line.receive(Deadline.after(LONG))


def await_line(transcript: Transcript, wanted: str, act: Callable[[], None]) -> None:
    """Return once a line with `wanted` stands in the transcript after `act`."""
    seen = threading.Event()
    note = transcript.note

    def noting(text: str) -> None:
        note(text)
        if wanted in text:
            seen.set()

    transcript.note = noting  # type: ignore[method-assign]
    act()
    assert seen.wait(LONG)


@pytest.mark.parametrize("seed", range(4))
def test_noise_delays_an_answer_and_never_makes_a_wrong_one(make_bench: Callable[..., Bench], seed: int) -> None:
    noise = Noise(random.Random(seed))
    bench = make_bench(noise)
    link, _, _ = booted(bench)
    noise.drop = noise.flip = noise.double = 0.002
    noise.foreign = 0.2
    answered = 0
    for number in range(40):
        asked = f"compute {number} {seed}"
        try:
            assert link.ask(asked, Deadline.after(LONG), retry_seconds=0.1) == asked[::-1]
            answered += 1
        except ConsoleTimeout:
            continue
    assert answered > 30
    assert noise.spoiled > 10
    computed = [text for text in bench.board.executed if text.startswith("compute")]
    assert len(computed) == len(set(computed))


def test_a_line_that_loses_everything_is_no_pass_and_no_finding(make_bench: Callable[..., Bench]) -> None:
    noise = Noise(random.Random(0))
    link, _, _ = booted(make_bench(noise))
    noise.drop = 1.0
    with pytest.raises(ConsoleTimeout, match="no undamaged answer from the monitor within 1 s"):
        link.ask("anything", Deadline.after(1.0), retry_seconds=0.2)


def test_characters_that_arrive_in_pieces_are_whole_in_the_transcript(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(Noise(random.Random(3)))
    link, _, transcript = booted(bench)
    text = "Gerät „é“ \U0001f980 " * 20
    whole = threading.Event()

    def look(line: TranscriptLine, *, complete: bool) -> None:
        if complete and line.text == text:
            whole.set()

    transcript.listen(look)
    bench.board.say(f"{text}\r\n".encode())
    # Not before that is a question sent: it would begin a line of its own in the transcript, in the middle of this one.
    assert whole.wait(LONG)
    assert link.ask("anything", Deadline.after(LONG)) == "anything"[::-1]


def test_a_megabyte_without_a_newline_does_not_stop_the_conversation(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    link, _, transcript = booted(bench)
    flood = threading.Thread(target=bench.board.say, args=(b"x" * (1 << 20),))
    flood.start()
    assert link.ask("still there", Deadline.after(LONG)) == "still there"[::-1]
    flood.join()
    link.ask("over", Deadline.after(LONG))
    assert sum(line.raw.count(b"x") for line in transcript.since(0)) == 1 << 20


def test_a_foreign_line_in_an_answer_is_skipped_or_asked_for_again(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    link, _, _ = booted(bench)
    bench.board.before_answer = lambda: bench.board.say(b"=1 ok fal[  3.14] random: crng init done\r\n")
    assert link.ask("true", Deadline.after(LONG)) == "eurt"


def test_a_line_that_is_gone_for_three_seconds_comes_back_and_is_written_on(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    link, line, transcript = booted(bench)
    assert link.ask("before", Deadline.after(LONG)) == "erofeb"
    await_line(transcript, "the line is gone", bench.wire.vanish)
    back = threading.Timer(3.0, bench.wire.appear)
    back.start()
    assert link.ask("after", Deadline.after(LONG), retry_seconds=0.5) == "retfa"
    back.join()
    assert line.interruptions == 1
    texts = [one.text for one in transcript.since(0)]
    at = [next(n for n, text in enumerate(texts) if mark in text) for mark in ("erofeb", "is gone", "is back", "retfa")]
    assert at == sorted(at)
    assert bench.board.executed.count("after") == 1


def test_a_line_that_stays_away_ends_every_wait_with_an_infrastructure_error(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    strategy = bench.strategy()
    strategy.board.patience = 0.5
    strategy.transition("monitor")
    line = strategy.board.uart("monitor")
    bench.wire.vanish()
    with pytest.raises(ConsoleClosed, match=r"is gone, and did not come back within 0\.5 s"):
        listen(line)
    with pytest.raises(ConsoleClosed):
        line.send(b"anybody?")
    assert strategy.board.dead
    bench.wire.appear()
    strategy.transition("monitor")
    assert bench.board.boots == 2


def test_a_banner_that_may_have_been_lost_with_the_line_is_not_held_against_the_firmware(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    strategy = bench.strategy(deadline=3.0)
    bench.board.banners = BANNERS[:1]
    seen = threading.Event()

    def blink() -> None:
        assert seen.wait(LONG)
        bench.wire.vanish()
        bench.wire.appear()

    strategy.transition("flashed")
    strategy.transcripts["monitor"].listen(lambda _line, complete: seen.set() if complete else None)
    blinking = threading.Thread(target=blink)
    blinking.start()
    with pytest.raises(ConsoleInterrupted, match=r"reached stage `BL31`, but not `service`.*was gone for a while"):
        strategy.transition("monitor")
    blinking.join()


def test_a_panic_is_seen_on_a_serial_line_too(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    _, line, _ = booted(bench)
    bench.board.say(b"PANIC in EL3.\r\n")
    with pytest.raises(Panic):
        listen(line)


def test_a_serial_port_that_is_not_there_is_named_before_the_board_is_switched_on(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    strategy = bench.strategy()
    strategy.transition("flashed")
    bench.wire.vanish()
    with pytest.raises(BoardUnreachable, match="cannot open serial port `monitor`"):
        strategy.transition("monitor")
    assert not bench.board.running


def test_a_board_that_was_switched_off_takes_no_more(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    strategy = bench.strategy()
    strategy.transition("monitor")
    line = strategy.board.uart("monitor")
    strategy.transition("off")
    with pytest.raises(ConsoleClosed, match="the board is off"):
        line.send(b"x")
    with pytest.raises(ConsoleClosed, match="the board is off"):
        strategy.board.uart("monitor")
