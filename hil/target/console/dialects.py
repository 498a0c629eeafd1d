"""How commands are spoken to the prompts of different firmware."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """The commands of a prompt by which its answers are told apart; empty ones are those that it does not have.

    `answered` prints `{mark}`, the status of the command before, and the value of the variable that `remember` has set
    to `{token}`. A restart loses that variable, and no ordinary command does.
    """

    answered: str = ""
    remember: str = ""
    ending: str = "\n"


PLAIN = Dialect()
"""A prompt about which nothing is known."""

UBOOT = Dialect("echo {mark} $? $hil_boot .", "hil_boot={token}")
"""U-Boot's hush shell: doc/usage/cmdline.rst. The variable is the shell's own, so `saveenv` does not keep it."""

POSIX = Dialect("echo {mark} $? $hil_boot .", "hil_boot={token}")
"""Shells after IEEE Std 1003.1, section 2.5.2 for `$?`."""

UEFI = Dialect("echo {mark} %lasterror% %hil_boot% .", "set -v hil_boot {token}", ending="\r")
"""The UEFI shell: UEFI Shell Specification 2.2, section 3.6.1 for variables, `set -v` for those that a reset loses."""
