"""Read the integer constants of a C header, so that C and Python share one definition.

A header that Python reads keeps to lines of the form `#define NAME value`, where value is an integer literal or an
integer expression over names defined above it. Macros with parameters and names without a value are skipped; anything
else is an error, so that a constant can never silently go missing.
"""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.paths import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = [
    "firmware_header",
    "parse_defines",
    "read_defines",
]

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\(?)(.*)$", re.MULTILINE)
_SUFFIX = re.compile(r"\b(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]+\b")

_BINARY: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
    ast.Mod: operator.mod,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
_UNARY: dict[type[ast.unaryop], Callable[[int], int]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}


def firmware_header(path: str) -> Path:
    """Return the header at `path` below `firmware/`."""
    return shipped("firmware") / path


def read_defines(header: Path) -> dict[str, int]:
    """Return every constant that `header` defines, in order.

    Raises `UsageError` when the file cannot be read or a line is not an integer expression over earlier names.
    """
    try:
        text = header.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot read {header}: {error.strerror}",
            doing="reading the constants that firmware and Python share",
            hint="it is in the checkout of hil; an installed package has only what `hil run` takes",
        ) from error
    return parse_defines(text, origin=header.name)


def parse_defines(text: str, *, origin: str = "header") -> dict[str, int]:
    """Return the constants in `text`; `origin` names it in errors."""
    # A comment leaves its line breaks behind, so that errors name the right line.
    bare = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    values: dict[str, int] = {}
    for match in _DEFINE.finditer(bare):
        name, parameters, expression = match[1], match[2], match[3].strip()
        if parameters or not expression:
            continue
        try:
            value = _evaluate(ast.parse(_SUFFIX.sub(r"\1", expression), mode="eval").body, values)
        except (SyntaxError, KeyError, ValueError, ZeroDivisionError) as error:
            line = bare.count("\n", 0, match.start(1)) + 1
            raise UsageError(
                f"{origin}:{line}: {name} is not an integer expression over earlier names: {expression}",
                doing="reading the constants that firmware and Python share",
            ) from error
        if values.setdefault(name, value) != value:
            raise UsageError(f"{origin}: {name} is defined twice, as {values[name]} and {value}")
    return values


def _evaluate(node: ast.expr, names: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_evaluate(left, names), _evaluate(right, names))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_evaluate(operand, names))
    raise ValueError(ast.dump(node))
