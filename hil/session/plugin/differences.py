"""Explains comparisons that fail: bytes in hexadecimal, TPM commands and responses by field, registers, statuses."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from hil.session.plugin.session import SESSION

if TYPE_CHECKING:
    import pytest

LARGE = 0x1000
"""From here on, numbers are addresses, masks and registers, which people read in hexadecimal."""
_BITS = 64
_ROOM = {"truncation_limit_lines": "60", "truncation_limit_chars": "6000"}
"""How much of an explanation pytest shows, by the names of its options."""


def pytest_configure(config: pytest.Config) -> None:
    """Leave room for our explanations, unless the user's configuration says how many lines pytest may show.

    pytest cuts explanations after eight lines. It has no public way to change the default of an option.
    """
    for name, room in _ROOM.items():
        with contextlib.suppress(ValueError):  # an older pytest has no such option
            if config.getini(name) in {None, ""}:
                config._inicache[name] = room


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Return the lines that explain a comparison for equality, None for what pytest explains as well."""
    if op != "==":
        return None
    if isinstance(left, (bytes, bytearray)) and isinstance(right, (bytes, bytearray)):
        from hil.target.words import difference  # with the names of TPM commands, for a test that failed only

        return difference.explain(bytes(left), bytes(right), _sent(config))
    if _is_number(left) and _is_number(right):
        return _numbers(left, right)
    if isinstance(left, (tuple, list)) and isinstance(right, (tuple, list)) and type(left) is type(right):
        return _registers(left, right)
    return None


def _sent(config: pytest.Config) -> list[tuple[bytes, bytes]]:
    """Return the TPM commands of the running test that are still known, with their responses, the newest first."""
    session = config.stash.get(SESSION, None)
    current = session.recorder.current if session else None
    return current.now.account.tpm_commands() if current else []


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _numbers(left: Any, right: Any) -> list[str] | None:
    named = [value.name for value in (left, right) if hasattr(value, "meaning")]
    if named:
        return [f"{_named(left)} == {_named(right)}", *_meanings(left, right)]
    if max(abs(left), abs(right)) < LARGE:
        return None
    lines = [f"{_hex(left)} == {_hex(right)}"]
    if left >= 0 and right >= 0 and max(left, right) < 1 << _BITS:
        bits = [str(bit) for bit in range(_BITS) if (left ^ right) >> bit & 1]
        lines.append(f"in decimal {int(left)} and {int(right)}; they differ in {_list_of_bits(bits)}")
    return lines


def _registers(left: Any, right: Any) -> list[str] | None:
    """Explain two rows of numbers of which one is large."""
    values = [*left, *right]
    if not values or not all(map(_is_number, values)) or max(map(abs, values)) < LARGE:
        return None
    rows = [
        f"[{index}]  {_at(left, index)}  !=  {_at(right, index)}"
        for index in range(max(len(left), len(right)))
        if _at(left, index) != _at(right, index)
    ]
    return [f"{len(left)} numbers == {len(right)} numbers", *rows]


def _at(values: Any, index: int) -> str:
    return _hex(values[index]) if index < len(values) else "nothing"


def _named(value: Any) -> str:
    return f"{value.name} ({int(value)})" if hasattr(value, "meaning") else str(value)


def _meanings(*values: Any) -> list[str]:
    return [f"{value.name}: {value.meaning}" for value in values if getattr(value, "meaning", "")]


def _hex(value: int) -> str:
    return f"{int(value):#x}"


def _list_of_bits(bits: list[str]) -> str:
    return f"bit {bits[0]}" if len(bits) == 1 else f"bits {', '.join(bits)}"
