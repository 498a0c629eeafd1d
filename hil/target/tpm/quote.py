"""Quotes, and their verification without the TPM that made them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from tpm2_pytss import TPM2_ALG, TPM2_GENERATED, TPM2_ST, TPMS_ATTEST, TPMT_SIGNATURE

from hil.errors import FirmwareError

if TYPE_CHECKING:
    from collections.abc import Mapping

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class QuoteError(FirmwareError):
    """A quote does not prove what it should; the message names the part that fails."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote: marshalled TPMS_ATTEST and TPMT_SIGNATURE (TPM 2.0 Library part 2)."""

    attest: bytes
    signature: bytes

    def verify(self, key: PublicKey, nonce: bytes, pcrs: Mapping[int, bytes]) -> None:
        """Check signature, nonce and SHA-256 PCR values; all that this needs is the public key.

        `pcrs` maps PCR numbers to expected values; the quote must cover exactly these PCRs. Raises `QuoteError`.
        """
        check_signature(key, self.attest, self.signature)
        attest, rest = TPMS_ATTEST.unmarshal(self.attest)
        if rest != len(self.attest):
            raise QuoteError("the attestation has trailing bytes")
        if attest.magic != TPM2_GENERATED.VALUE or attest.type != TPM2_ST.ATTEST_QUOTE:
            raise QuoteError(f"not a quote made by a TPM: magic {attest.magic:#x}, type {attest.type:#x}")
        if bytes(attest.extraData) != nonce:
            raise QuoteError("the nonce is not the one that was sent: this is an old quote, or somebody else's")
        quote = attest.attested.quote
        selected = _selected(quote.pcrSelect)
        if selected != sorted(pcrs):
            raise QuoteError(f"the quote covers PCRs {selected}, not {sorted(pcrs)}")
        expected = hashlib.sha256(b"".join(pcrs[index] for index in selected)).digest()
        if bytes(quote.pcrDigest) != expected:
            raise QuoteError("the PCR values in the quote are not the expected ones")


def check_signature(key: PublicKey, message: bytes, signature: bytes) -> None:
    """Verify a marshalled TPMT_SIGNATURE (ECDSA or RSASSA, SHA-256) of `message`. Raises `QuoteError`."""
    parsed, _ = TPMT_SIGNATURE.unmarshal(signature)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and parsed.sigAlg == TPM2_ALG.ECDSA:
            pair = parsed.signature.ecdsa
            r, s = (int.from_bytes(bytes(part), "big") for part in (pair.signatureR, pair.signatureS))
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
        elif isinstance(key, rsa.RSAPublicKey) and parsed.sigAlg == TPM2_ALG.RSASSA:
            key.verify(bytes(parsed.signature.rsassa.sig), message, padding.PKCS1v15(), SHA256())
        else:
            raise QuoteError(f"signature algorithm {int(parsed.sigAlg):#x} does not fit the key")
    except InvalidSignature:
        raise QuoteError("the signature is not valid for this key and message") from None


def _selected(selection: Any) -> list[int]:
    """Return the PCR numbers of a TPML_PCR_SELECTION. Raises `QuoteError` for any bank but SHA-256."""
    chosen: list[int] = []
    for bank in selection:
        if bank.hash != TPM2_ALG.SHA256:
            raise QuoteError(f"the quote covers PCR bank {int(bank.hash):#x}, not SHA-256")
        for byte, bits in enumerate(bytes(bank.pcrSelect[0 : bank.sizeofSelect])):
            chosen += [byte * 8 + bit for bit in range(8) if bits >> bit & 1]
    return sorted(chosen)
