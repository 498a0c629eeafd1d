"""A serial port that goes wrong: a pty behind a symbolic link, with a wire to a simulated board."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import tty
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from pathlib import Path

MANY = 4096


@dataclass
class Noise:
    """How often, by byte, a wire drops, flips or doubles one; and how often, by newline, a foreign line follows.

    What is left arrives in pieces that end anywhere, also within a character.
    """

    chance: random.Random
    drop: float = 0.0
    flip: float = 0.0
    double: float = 0.0
    foreign: float = 0.0
    lines: tuple[bytes, ...] = ("[    1.234567] usb 1-1: Gerät „é“ \U0001f980\r\n".encode(), b"\xff\xfe\x00=1 ok\r\n")
    spoiled: int = 0

    def through(self, data: bytes) -> bytes:
        """Return what arrives of `data`."""
        arrived = bytearray()
        for byte in data:
            if self._happens(self.drop):
                continue
            arrived.append(byte ^ (1 << self.chance.randrange(8)) if self._happens(self.flip) else byte)
            if self._happens(self.double):
                arrived.append(byte)
            if byte == 0x0A and self._happens(self.foreign):
                arrived += self.chance.choice(self.lines)
        return bytes(arrived)

    def piece(self, length: int) -> int:
        """How many of `length` bytes arrive next."""
        return self.chance.randint(1, length)

    def _happens(self, probability: float) -> bool:
        happens = self.chance.random() < probability
        self.spoiled += happens
        return happens


@dataclass
class PtyWire:
    """The port at `link`; the board's end is the socket `board`. It can vanish, and come back as another device."""

    link: Path
    noise: Noise | None = None
    board: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.board, self._near = socket.socketpair()
        self._stop = os.eventfd(0)
        self._changed = os.eventfd(0, os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._pty: tuple[int, int] | None = None
        self.appear()
        self._thread = threading.Thread(target=self._pump, name="pty-wire", daemon=True)
        self._thread.start()

    def appear(self) -> None:
        """Be plugged in."""
        with self._lock:
            master, slave = os.openpty()  # our own slave keeps the line up while nobody has it open
            tty.setraw(slave)
            os.set_blocking(master, False)
            self._pty = (master, slave)
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(os.ttyname(slave))
        os.eventfd_write(self._changed, 1)

    def vanish(self) -> None:
        """Be unplugged; what the board says meanwhile is lost."""
        with self._lock:
            self.link.unlink(missing_ok=True)
            self._drop()
        os.eventfd_write(self._changed, 1)

    def close(self) -> None:
        """End it all."""
        os.eventfd_write(self._stop, 1)
        self._thread.join(10)
        with self._lock:
            self._drop()
        self.link.unlink(missing_ok=True)
        self._near.close()
        self.board.close()
        os.close(self._stop)
        os.close(self._changed)

    def _drop(self) -> None:
        for fd in self._pty or ():
            os.close(fd)
        self._pty = None

    def _pump(self) -> None:
        while True:
            poll = select.poll()
            poll.register(self._stop, select.POLLIN)
            poll.register(self._changed, select.POLLIN)
            poll.register(self._near, select.POLLIN)
            with self._lock:
                master = self._pty[0] if self._pty else -1
            if master >= 0:
                poll.register(master, select.POLLIN)
            ready = {fd for fd, _ in poll.poll()}
            if self._stop in ready:
                return
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._changed)
            with self._lock:
                if self._near.fileno() in ready and not self._to_host(self._near.recv(MANY)):
                    return
                if master in ready and self._pty:
                    self._to_board(master)

    def _to_host(self, data: bytes) -> bool:
        arriving = self.noise.through(data) if self.noise else data
        while arriving and self._pty:
            size = self.noise.piece(len(arriving)) if self.noise else len(arriving)
            with contextlib.suppress(BlockingIOError):
                arriving = arriving[os.write(self._pty[0], arriving[:size]) :]
        return bool(data)

    def _to_board(self, master: int) -> None:
        with contextlib.suppress(OSError):
            data = os.read(master, MANY)
            self._near.sendall(self.noise.through(data) if self.noise else data)
