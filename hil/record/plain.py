"""The record as it stands in files: what `run.schema.json` describes, and `hil.record.reader` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from hil.record.case import Attempt

if TYPE_CHECKING:
    from hil.record.case import Case
    from hil.record.record import Record

Kind = TypeVar("Kind")
_ENCODER = msgspec.json.Encoder(enc_hook=str)
"""Writes what JSON has no form for, such as a path in the details of an event, as text."""


def plain_record(record: Record) -> dict[str, Any]:
    """Return `record` as JSON can write it."""
    data: dict[str, Any] = msgspec.to_builtins(record)
    for case in data["cases"]:
        _shorten(case)
    return data


def plain_case(case: Case) -> dict[str, Any]:
    """Return `case` as an event tells it: without the accounts of attempts that passed, which `run.json` has."""
    data: dict[str, Any] = msgspec.to_builtins(case)
    _shorten(data)
    for attempt, plainly in zip(case.attempts, data["attempts"], strict=True):
        if not attempt.faults:
            plainly["account"] = []
    return data


def plain(part: msgspec.Struct) -> dict[str, Any]:
    """Return another part of a record, such as an attempt or a fault, as JSON can write it."""
    data: dict[str, Any] = msgspec.to_builtins(part)
    return data


def to_json(data: dict[str, Any], *, indent: int | None = None) -> bytes:
    """Return `data` as JSON: in ASCII on one line, or in UTF-8 with `indent` spaces for each level."""
    try:
        text = _ENCODER.encode(data)
    except UnicodeEncodeError:
        # Messages of tests may hold half of a surrogate pair, which UTF-8 cannot; as an escape it is legal JSON.
        return _escaped(data, indent)
    if indent is not None:
        return msgspec.json.format(text, indent=indent)
    # Readers that split text into lines may do so at all of Unicode's line ends, and not only at that of the file.
    return text if text.isascii() else _escaped(data, None)


def written_record(data: dict[str, Any]) -> bytes:
    """Return a record as `run.json` has it: each key on a line of its own, and each case, which has many."""
    frame = to_json({**data, "cases": []}, indent=1) + b"\n"
    cases = b",\n".join(b"  " + to_json(case) for case in data.get("cases", ()))
    before, key, after = frame.partition(b'\n "cases": []')
    return b"".join((before, key[:-1], b"\n", cases, b"\n ]", after)) if cases else frame


def from_json(data: bytes, kind: type[Kind]) -> Kind:
    """Return what JSON says, as `kind`; keys that `kind` does not know are skipped.

    Raises `msgspec.ValidationError` with the place in `data` and what was expected there, and another `ValueError` when
    it is no JSON at all.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(data), kind)  # reads halves of surrogate pairs, too: see `to_json`


def _shorten(case: dict[str, Any]) -> None:
    """Leave out of the last attempt what the case says of it."""
    if case["attempts"]:
        for name in Attempt.IN_CASE:
            del case["attempts"][-1][name]


def _escaped(data: dict[str, Any], indent: int | None) -> bytes:
    separators = (",", ":") if indent is None else None
    return json.dumps(data, default=str, indent=indent, separators=separators).encode()
