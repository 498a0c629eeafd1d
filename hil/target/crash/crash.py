"""A crash, as records and reports have it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Place(Struct, frozen=True):
    """Where in the code an address is."""

    register: Annotated[str, Meta(description="what held it, such as `elr_el3` or `CPU 1`")]
    address: Annotated[
        str,
        Meta(description="the address, in hexadecimal; empty where Linux tells its function by itself"),
    ]
    function: Annotated[str, Meta(description="function or assembly label")]
    image: Annotated[str, Meta(description="ELF file of the build that explains it")]
    file: Annotated[
        str,
        Meta(description="source file, relative to the repository, or to TF-A's source; empty: unknown"),
    ] = ""
    line: Annotated[int, Meta(description="line in that file")] = 0

    def __str__(self) -> str:
        at = f" at {self.file}:{self.line}" if self.file else ""
        return f"{self.register} is in {self.function}{at} ({self.image})"


class Crash(Struct, frozen=True):
    """What a crash or a hang of the firmware means."""

    what: Annotated[str, Meta(description="the line that announced it")]
    level: Annotated[str, Meta(description="exception level whose code crashed, such as `EL3`; empty for a hang")] = ""
    syndrome: Annotated[
        str, Meta(description="the exception in words, from ESR; empty for code that gave up by itself")
    ] = ""
    cause: Annotated[str, Meta(description="why it most likely happened; empty: the syndrome does not tell")] = ""
    places: Annotated[tuple[Place, ...], Meta(description="where in the code, the most telling place first")] = ()
    registers: Annotated[
        tuple[tuple[str, str], ...],
        Meta(
            description="pairs of name and value: all that the dump showed; of a hang each processor with its level"
            " and address"
        ),
    ] = ()

    @property
    def attempt(self) -> str:
        """Where to look first; empty when no code is known."""
        place = next((place for place in self.places if place.file), None)
        return f"see {place.function} in {place.file}:{place.line}" if place else ""

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.syndrome, *map(str, self.places[:1]), self.cause)))
