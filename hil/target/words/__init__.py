"""What happens between a test and its target, in words: calls, TPM commands, requests, memory."""

from __future__ import annotations

from hil.target.words.account import Words, in_words

__all__ = ["Words", "in_words"]
