"""The layout of a queue: offsets of its parts, and a parser for its control page."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hil.target.vtpm import abi

_U32 = struct.Struct("<I")
_SLOT_STATES = {
    value: name.removeprefix("VTPM_SLOT_")
    for name, value in abi.CONSTANTS.items()
    if name in ("VTPM_SLOT_FREE", "VTPM_SLOT_SUBMITTED", "VTPM_SLOT_DONE", "VTPM_SLOT_REFUSED")
}


def u32(value: int) -> bytes:
    """Encode a field of the control page."""
    return _U32.pack(value)


def entry_offset(slot: int) -> int:
    """Return the offset of the ring entry of `slot` in the queue."""
    return abi.VTPM_RING_ENTRIES + slot * abi.VTPM_RING_ENTRY_BYTES


def buffer_offset(slot: int) -> int:
    """Return the offset of the command and response buffer of `slot` in the queue."""
    return abi.VTPM_PAGE_BYTES + slot * abi.VTPM_SLOT_BYTES


@dataclass(frozen=True, slots=True)
class RingEntry:
    """The ring's entry for one slot: `state` is one of `VTPM_SLOT_*`, `length` is in bytes."""

    state: int
    length: int

    def __str__(self) -> str:
        return f"{_SLOT_STATES.get(self.state, self.state)} {self.length}"


@dataclass(frozen=True, slots=True)
class ControlPage:
    """The fields of a control page."""

    magic: int
    slots: int
    head: int
    tail: int
    entries: tuple[RingEntry, ...]
    crb: dict[str, int]

    @classmethod
    def parse(cls, page: bytes) -> ControlPage:
        """Parse a page. Raises `ValueError` if it is not a control page."""
        if len(page) != abi.VTPM_PAGE_BYTES:
            raise ValueError(f"a control page has {abi.VTPM_PAGE_BYTES} bytes, not {len(page)}")

        def field(offset: int) -> int:
            return int(_U32.unpack_from(page, offset)[0])

        magic, slots = field(abi.VTPM_RING_MAGIC), field(abi.VTPM_RING_SLOTS)
        if magic != abi.VTPM_RING_MAGIC_VALUE or not 1 <= slots <= abi.VTPM_MAX_SLOTS:
            raise ValueError(f"not a control page: magic {magic:#010x}, {slots} slots")
        entries = tuple(
            RingEntry(field(at + abi.VTPM_ENTRY_STATE), field(at + abi.VTPM_ENTRY_LENGTH))
            for at in map(entry_offset, range(slots))
        )
        crb = {
            name.removeprefix("VTPM_CRB_"): field(offset)
            for name, offset in abi.CONSTANTS.items()
            if name.startswith("VTPM_CRB_") and name != "VTPM_CRB_CONTROL_AREA"
        }
        return cls(magic, slots, field(abi.VTPM_RING_HEAD), field(abi.VTPM_RING_TAIL), entries, crb)

    def __str__(self) -> str:
        crb = " ".join(f"{name}={value:#x}" for name, value in self.crb.items() if value)
        slots = ", ".join(f"{slot}: {entry}" for slot, entry in enumerate(self.entries))
        return f"ring head {self.head} tail {self.tail} slots [{slots}] crb [{crb}]"
