"""Noise of a line is no text, and text is found in noise."""

from __future__ import annotations

import pytest

from hil.consoletext import clean, is_speech, noise_bytes, sample


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\0" * 50,
        b"\xff" * 50,
        b"\xfe\xf8\xe0\x80",
        b"\r\n",
        b"\n\n\n",
        b"~~~~~~~~",
        b"x\0x\xffx",
        b"\x1b[0m",
        b"a",
    ],
)
def test_bytes_of_a_line_without_power_are_no_speech(noise: bytes) -> None:
    assert not is_speech(noise)


@pytest.mark.parametrize(
    "text",
    [
        b"monitor: ready\r\n",
        b"\xff\0boot",
        b"\r\n# ",
        b"\n=> ",
        b"=0 nak *0badcafe\r\n",
        b"\x1b[1;32mlogin:",
        b"BL1: v2",
    ],
)
def test_a_word_or_a_prompt_is_speech(text: bytes) -> None:
    assert is_speech(text)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[0;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07prompt", "prompt"),
        (b"\x1b(Bplain\x1b7", "plain"),
        (b"\xffNOT\0ICE\xfe", "NOTICE"),
        ("Gerät\t„é“".encode(), "Gerät\t„é“"),
    ],
)
def test_text_is_what_a_person_would_read(raw: bytes, text: str) -> None:
    assert clean(raw) == text


def test_noise_is_counted_and_colours_and_backspaces_are_none() -> None:
    assert noise_bytes(b"\x1b[31mred\x1b[0m\b \b\a\r\n\tx") == 0
    assert noise_bytes("Gerät „é“".encode()) == 0
    assert noise_bytes(b"a\0b\xffc\xe2\x82") == 4


def test_a_sample_says_that_there_was_more() -> None:
    assert sample(b"\0\xff") == "00 ff"
    assert sample(bytes(9)).endswith("...")
