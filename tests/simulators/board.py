"""A board on the bench: it boots what is on its card, announces its stages on a serial line, and has a monitor."""

from __future__ import annotations

import os
import select
import threading
import zlib
from typing import TYPE_CHECKING, ClassVar

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.protocol import PowerProtocol

from hil.target.monitor import abi

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

IMAGE = b"firmware "
"""What a card begins with that the board can boot from."""
IMAGE_HEAD_BYTES = 64
BUILD = b"{build}"
"""In what a board says: the build id of what it boots, as firmware of ours announces it; nothing for other firmware."""
BANNERS = (b"NOTICE:  BL31: v2\r\n", b"vTPM: service 1.0 ready" + BUILD + b"\r\n", b"monitor: ready\r\n")


def card_image(head: bytes, size: int) -> bytes:
    """Return an image of a card of that many bytes, which begins with `head` and has a partition table."""
    content = bytearray(head + os.urandom(size - len(head)))
    content[510:512] = b"\x55\xaa"
    return bytes(content)


def built(build_id: str) -> bytes:
    """Return the beginning of a card with firmware that announces a build id."""
    return IMAGE + f", build {build_id}\n".encode()


class SimulatedBoard:
    """Has its end of a wire, and a slot: `card` returns what is in it, or None."""

    def __init__(self, line: socket.socket, card: Callable[[], bytes | None]) -> None:
        self.line = line
        self.card = card
        self.banners: tuple[bytes, ...] = BANNERS
        self.boots = 0
        self.executed: list[str] = []
        self.running = False
        self.before_answer: Callable[[], None] = lambda: None
        self._stop = os.eventfd(0)
        self._thread: threading.Thread | None = None

    def on(self) -> None:
        """Get power."""
        if not self.running:
            self.running = True
            self._thread = threading.Thread(target=self._run, name="simulated-board", daemon=True)
            self._thread.start()

    def off(self) -> None:
        """Lose power."""
        if self._thread is not None:
            os.eventfd_write(self._stop, 1)
            self._thread.join(10)
            os.eventfd_read(self._stop)
            self._thread = None
        self.running = False

    def say(self, data: bytes) -> None:
        """Say something."""
        self.line.sendall(data)

    def _run(self) -> None:
        card = self.card()
        if card is None or not card.startswith(IMAGE):
            self._sleep()
            return
        self.boots += 1
        head = card[:IMAGE_HEAD_BYTES].removeprefix(IMAGE)
        build, end, _ = head.partition(b"\n")
        for banner in self.banners:
            self.say(banner.replace(BUILD, build if end and build.startswith(b", build ") else b""))
        self._serve()

    def _sleep(self) -> None:
        select.select([self._stop], [], [])

    def _serve(self) -> None:
        received, last, answer = b"", 0, b""
        while True:
            if self._stop in select.select([self.line.fileno(), self._stop], [], [])[0]:
                return
            *lines, received = (received + self.line.recv(4096)).split(b"\n")
            for line in lines:
                body, mark, crc = line[line.rfind(b":") + 1 :].rpartition(b" *")
                if b":" not in line or not mark:
                    continue
                if crc != b"%08x" % zlib.crc32(body):
                    self.say(framed(0, "nak"))
                    continue
                number, _, text = body.decode().partition(" ")
                if int(number, 16) != last:
                    last, answer = int(number, 16), framed(int(number, 16), self._execute(text))
                self.before_answer()
                self.say(answer)

    def _execute(self, text: str) -> str:
        self.executed.append(text)
        return f"ok {abi.AGENT_ABI_VERSION:x}" if text == "ping" else f"ok {text[::-1]}"


def framed(number: int, text: str) -> bytes:
    """Return an answer of the monitor."""
    body = f"{number:x} {text}".encode()
    return b"=%s *%08x\r\n" % (body, zlib.crc32(body))


@target_factory.reg_driver
@attr.s(eq=False)
class SimulatedPower(Driver, PowerProtocol):  # type: ignore[misc]
    """Switches a board of `boards`, or, with `stuck`, says so and does nothing."""

    boards: ClassVar[dict[str, SimulatedBoard]] = {}
    stuck: ClassVar[bool] = False

    outlet: str = attr.ib(default="")

    def on(self) -> None:
        self.boards[self.outlet].on()

    def off(self) -> None:
        if not self.stuck:
            self.boards[self.outlet].off()

    def cycle(self) -> None:
        self.off()
        self.on()

    def get(self) -> bool:
        return self.boards[self.outlet].running
