"""Constants of C headers, read by Python."""

from __future__ import annotations

import pytest

from hil.errors import UsageError
from hil.headers import firmware_header, parse_defines, read_defines


def test_expressions_see_names_defined_above() -> None:
    assert parse_defines("#define A 0x10\n#define B (1 << 3) /* bit */\n#define C (A | B)\n#define D (-A)\n") == {
        "A": 16,
        "B": 8,
        "C": 24,
        "D": -16,
    }


def test_parenthesised_value_is_not_a_macro_with_parameters() -> None:
    assert parse_defines("#define GUARD_H\n#define F(x) (x + 1)\n#define E (-1)\n#define G 3UL\n") == {"E": -1, "G": 3}


def test_comments_over_several_lines_hide_defines() -> None:
    assert parse_defines("/*\n#define A 1\n*/\n// #define B 2\n#define C 3\n") == {"C": 3}


@pytest.mark.parametrize("value", ['"text"', "UNKNOWN", "sizeof(x)", "1 +", "1.5", "1 / 0", "__import__('os')"])
def test_a_value_that_is_no_integer_expression_is_refused_with_its_line(value: str) -> None:
    with pytest.raises(UsageError, match=r"abi\.h:3: BAD"):
        parse_defines(f"/*\n*/\n#define BAD {value}\n", origin="abi.h")


def test_two_meanings_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="defined twice"):
        parse_defines("#define A 1\n#define A 2\n")


def test_the_service_abi_is_readable() -> None:
    abi = read_defines(firmware_header("service/include/vtpm_abi.h"))
    assert abi["VTPM_FID_CREATE"] == 0xC3000002
    assert abi["VTPM_E_NOT_PERMITTED"] == -16
    assert abi["VTPM_REQUIRE_KNOWN"] == 0x3FF


def test_a_missing_header_is_named() -> None:
    with pytest.raises(UsageError, match=r"nowhere\.h"):
        read_defines(firmware_header("nowhere.h"))
