"""One board proves its state to another: `hil run --board client=NAME --board server=NAME suites/attestation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.tpm import QuoteError

if TYPE_CHECKING:
    from hil.fixtures import Boards

pytestmark = pytest.mark.boards("client", "server")

MEASURED = 16
"""The PCR for debugging, which no boot stage extends."""


def test_a_client_with_a_nonce_of_its_own_tpm_verifies_a_quote_of_the_server(boards: Boards) -> None:
    client, server = boards["client"], boards["server"]
    nonce = client.tpm.random(16)
    server.tpm.extend(MEASURED, b"\x01" * 32)
    with server.tpm.attestation_key() as key:
        quote = server.tpm.quote(key, nonce, [MEASURED])
        assert nonce in quote.attest
        quote.verify(key.public_key, nonce, {MEASURED: server.tpm.pcr(MEASURED)})


def test_a_key_of_the_client_does_not_verify_a_quote_of_the_server(boards: Boards) -> None:
    client, server = boards["client"], boards["server"]
    nonce = client.tpm.random(16)
    with server.tpm.attestation_key() as key, client.tpm.attestation_key() as other:
        quote = server.tpm.quote(key, nonce, [MEASURED])
        with pytest.raises(QuoteError, match="signature"):
            quote.verify(other.public_key, nonce, {MEASURED: server.tpm.pcr(MEASURED)})


def test_each_board_starts_right_after_boot(boards: Boards) -> None:
    """What the tests before have measured is on neither board."""
    assert {board.tpm.pcr(MEASURED) for board in boards.values()} == {bytes(32)}
