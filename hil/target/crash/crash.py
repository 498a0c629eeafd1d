"""A crash, as records and reports have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the code an address is: `register` held it, `image` is the ELF file that explains it.

    `file` is empty where the image has no line numbers.
    """

    register: str
    address: str
    function: str
    image: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        at = f" at {self.file}:{self.line}" if self.file else ""
        return f"{self.register} is in {self.function}{at} ({self.image})"


@dataclass(frozen=True, slots=True)
class Crash:
    """What a crash means.

    `what` is the line that announced it; `level` the exception level whose code crashed, such as `EL3`; `syndrome` the
    exception in words, empty for code that gave up by itself; `cause` why it most likely happened; `places` the code
    addresses, the telling one first; `registers` name and value of all that the dump showed.
    """

    what: str
    level: str = ""
    syndrome: str = ""
    cause: str = ""
    places: tuple[Place, ...] = ()
    registers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """Return the crash that a record holds."""
        return cls(
            what=data["what"],
            level=data["level"],
            syndrome=data["syndrome"],
            cause=data["cause"],
            places=tuple(Place(**place) for place in data["places"]),
            registers=tuple((name, value) for name, value in data["registers"]),
        )

    @property
    def attempt(self) -> str:
        """Where to look first; empty when no code is known."""
        place = next((place for place in self.places if place.file), None)
        return f"see {place.function} in {place.file}:{place.line}" if place else ""

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.syndrome, *map(str, self.places[:1]), self.cause)))
