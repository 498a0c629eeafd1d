"""Bytes that differ are explained by field where they are TPM commands or responses, and in hexadecimal."""

from __future__ import annotations

from hil.target.tpm import commands
from hil.target.words.difference import explain

RANDOM = commands.get_random(4)
ANSWER = bytes.fromhex("8001000000100000000000041234abcd")
REFUSED = bytes.fromhex("80010000000a00000100")


def test_bytes_of_no_kind_are_shown_in_hexadecimal_with_the_differences_marked() -> None:
    assert explain(b"\x00\x01\x02", b"\x00\xff\x02") == [
        "000102 == 00ff02",
        "3 bytes; they differ from byte 1 on",
        "",
        "0000 left   00 01 02",
        "     right  00 ff 02",
        "               ^^",
    ]


def test_a_response_is_read_as_that_to_its_command() -> None:
    lines = explain(ANSWER, ANSWER[:-1] + b"\0", [(RANDOM, ANSWER)])
    assert lines[0] == "SUCCESS(randomBytes=1234abcd) == SUCCESS(randomBytes=1234ab00)"
    assert lines[1] == "two TPM responses, 16 bytes; they differ from byte 15 on"
    assert "12-15  randomBytes  1234abcd  1234ab00" in lines
    assert not any("size" in line for line in lines[3:6]), "what is the same is not shown"


def test_an_error_and_a_success_show_their_codes() -> None:
    lines = explain(REFUSED, ANSWER, [(RANDOM, REFUSED)])
    assert lines[0] == "INITIALIZE == SUCCESS(randomBytes=1234abcd)"
    assert any(line.split() == ["6-9", "responseCode", "INITIALIZE", "SUCCESS"] for line in lines)


def test_two_commands_are_read_as_commands() -> None:
    lines = explain(RANDOM, commands.get_random(8))
    assert lines[0] == "TPM2_GetRandom(bytesRequested=4) == TPM2_GetRandom(bytesRequested=8)"


def test_many_rows_are_counted_and_not_all_shown() -> None:
    lines = explain(bytes(1000), b"\1" * 1000)
    assert lines[-1] == "... and 55 rows of 16 bytes more"
    assert len(lines) < 40
