"""Keys in a TPM, and their public halves outside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tpm2_pytss import TPM2B_PUBLIC, TPMA_OBJECT

KeyKind = Literal["ecc", "rsa"]

_OWN = TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT | TPMA_OBJECT.SENSITIVEDATAORIGIN | TPMA_OBJECT.USERWITHAUTH
_STORAGE = {"ecc": "ecc256:aes128cfb", "rsa": "rsa2048:aes128cfb"}
_SIGNING = {"ecc": "ecc256:ecdsa-sha256", "rsa": "rsa2048:rsassa-sha256"}


@dataclass(frozen=True, slots=True)
class Key:
    """A loaded key: its ESYS handle and its public area (`TPM2B_PUBLIC`)."""

    handle: Any
    public: Any

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
        """The public half as a `cryptography` key."""
        key = load_pem_public_key(self.public.to_pem())
        assert isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey))
        return key


def storage_template(kind: KeyKind) -> Any:
    """Return the template of a restricted decryption key: a parent of other keys."""
    return TPM2B_PUBLIC.parse(_STORAGE[kind], objectAttributes=_OWN | TPMA_OBJECT.RESTRICTED | TPMA_OBJECT.DECRYPT)


def signing_template(kind: KeyKind) -> Any:
    """Return the template of an unrestricted signing key, which signs any digest."""
    return TPM2B_PUBLIC.parse(_SIGNING[kind], objectAttributes=_OWN | TPMA_OBJECT.SIGN_ENCRYPT)


def attestation_template(kind: KeyKind) -> Any:
    """Return the template of a restricted signing key, which signs only structures that the TPM itself has made."""
    attributes = _OWN | TPMA_OBJECT.SIGN_ENCRYPT | TPMA_OBJECT.RESTRICTED
    return TPM2B_PUBLIC.parse(f"{_SIGNING[kind]}:null", objectAttributes=attributes)
