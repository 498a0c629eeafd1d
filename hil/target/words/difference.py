"""The difference of two byte strings: by field where both are TPM commands or responses, and in hexadecimal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.target.words import tpm
from hil.target.words.tpmnames import shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROW = 16
"""How many bytes stand in a row."""
ROWS_SHOWN = 8
"""How many rows with differences are shown."""
FIELDS_SHOWN = 24


def explain(left: bytes, right: bytes, sent: Sequence[tuple[bytes, bytes]] = ()) -> list[str]:
    """Return the lines that explain why two byte strings are not equal, a summary first.

    `sent` are TPM commands with their responses: a response alone does not tell what it answers.
    """
    lengths = f"{len(left)} bytes" if len(left) == len(right) else f"{len(left)} and {len(right)} bytes"
    first = next(
        (at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other),
        min(len(left), len(right)),
    )
    where = f"they differ from byte {first} on"
    if tpm.is_frame(left) and tpm.is_frame(right):
        kind, frames = _frames(left, right, sent)
        lines = [f"{_title(frames[0])} == {_title(frames[1])}", f"two TPM {kind}s, {lengths}; {where}"]
        return [*lines, "", *_fields(*frames), "", *_rows(left, right)]
    return [f"{tpm.shown(left)} == {tpm.shown(right)}", f"{lengths}; {where}", "", *_rows(left, right)]


def _frames(left: bytes, right: bytes, sent: Sequence[tuple[bytes, bytes]]) -> tuple[str, tuple[tpm.Frame, tpm.Frame]]:
    """Return what two frames are, and both of them read as that."""
    pair = (left, right)
    for command, response in sent:
        if response in pair:
            code = tpm.read_command(command).code
            return "response", (tpm.read_response(left, code), tpm.read_response(right, code))
    codes = {int.from_bytes(frame[6:10], "big") for frame in pair}
    if any(command in pair for command, _ in sent) or codes <= shapes().keys():
        return "command", (tpm.read_command(left), tpm.read_command(right))
    return "response", (tpm.read_response(left), tpm.read_response(right))


def _title(frame: tpm.Frame) -> str:
    return f"{frame.name}({frame})" if frame.parameters else frame.name


def _fields(left: tpm.Frame, right: tpm.Frame) -> list[str]:
    """Return a table of the fields that are not the same, the place of each in the left frame first."""
    ours, theirs = ({field.name: field for field in frame.fields} for frame in (left, right))
    rows = [("bytes", "field", "left", "right")]
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None or one.text != other.text:
            place = one or other
            assert place is not None
            at = f"{place.start}-{place.end - 1}" if place.end - place.start > 1 else str(place.start)
            rows.append((at, name, one.text if one else "none", other.text if other else "none"))
    left_out = len(rows) - 1 - FIELDS_SHOWN
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{row[0]:>{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:{widths[2]}}  {row[3]}"
        for row in rows[: FIELDS_SHOWN + 1]
    ]
    return [*lines, *([f"... and {left_out} fields more"] if left_out > 0 else [])]


def _rows(left: bytes, right: bytes) -> Iterator[str]:
    """Yield the rows of bytes that are not the same, in hexadecimal, the differences marked below."""
    differing = [at for at in range(0, max(len(left), len(right)), ROW) if left[at : at + ROW] != right[at : at + ROW]]
    for at in differing[:ROWS_SHOWN]:
        one, other = left[at : at + ROW], right[at : at + ROW]
        marks = " ".join(
            "^^" if one[index : index + 1] != other[index : index + 1] else "  "
            for index in range(max(len(one), len(other)))
        )
        yield f"{at:04x} left   {one.hex(' ')}"
        yield f"     right  {other.hex(' ')}"
        yield f"            {marks.rstrip()}"
    if len(differing) > ROWS_SHOWN:
        yield f"... and {len(differing) - ROWS_SHOWN} rows of {ROW} bytes more"
