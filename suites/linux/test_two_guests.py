"""Two guests at a time, each with a TPM of its own, and the state in which they were when a board was saved."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.linux import Guest
from hil.linux.tpmtools import extend, extended, pcr

if TYPE_CHECKING:
    from hil.fixtures import Board

pytestmark = pytest.mark.needs_linux

DEBUG_PCR = 16
NAME_BYTES = 2 + 32
"""Of an object whose name algorithm is SHA-256: TPM 2.0 Library part 1, 16."""
EXTENSIONS = 6
DIGESTS = tuple(hashlib.sha256(name).digest() for name in (b"one", b"other"))


def test_guests_have_tpms_of_their_own(two_guests: tuple[Guest, ...]) -> None:
    one, other = two_guests
    extend(one, DEBUG_PCR, bytes(32))
    assert pcr(one, DEBUG_PCR) == extended([bytes(32)])
    assert pcr(other, DEBUG_PCR) == bytes(32)
    primary = "cd /tmp && tpm2_createprimary -Q -C e -G ecc -c primary && tpm2_readpublic -Q -c primary -n name"
    names = [guest.run(f"{primary} && cat name").stdout for guest in two_guests]
    assert len(names[0]) == len(names[1]) == NAME_BYTES
    assert names[0] != names[1]


def test_guests_use_their_tpms_at_the_same_time(two_guests: tuple[Guest, ...]) -> None:
    """Each waits for the other before it begins, by way of the host."""
    for guest, digest in zip(two_guests, DIGESTS, strict=True):
        loop = f"for i in $(seq {EXTENSIONS}); do tpm2_pcrextend {DEBUG_PCR}:sha256={digest.hex()} || exit 1; done"
        guest.run(f"(until [ -e /tmp/go ]; do usleep 10000; done; {loop}; echo $? >/tmp/done) >/dev/null 2>&1 &")
    for guest in two_guests:
        guest.run("touch /tmp/go")
    for guest, digest in zip(two_guests, DIGESTS, strict=True):
        assert guest.run("until [ -s /tmp/done ]; do usleep 10000; done; cat /tmp/done").text == "0"
        assert pcr(guest, DEBUG_PCR) == extended([digest] * EXTENSIONS)


@pytest.mark.needs_snapshots
def test_guests_of_a_saved_board_have_the_tpms_that_they_had(board: Board, two_guests: tuple[Guest, ...]) -> None:
    for guest, digest in zip(two_guests, DIGESTS, strict=True):
        extend(guest, DEBUG_PCR, digest)
    kept = board.strategy.keep()
    for _ in range(2):
        host = board.fork_linux(kept)
        for name, digest in zip([guest.name for guest in two_guests], DIGESTS, strict=True):
            guest = Guest(host, name)
            assert pcr(guest, DEBUG_PCR) == extended([digest])
            extend(guest, DEBUG_PCR, digest)
