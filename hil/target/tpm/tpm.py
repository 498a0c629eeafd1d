"""The common operations of a TPM: PCRs, keys, secrets, NV memory. For all others, use `Tpm.esapi`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from tpm2_pytss import (
    ESYS_TR,
    TPM2_ALG,
    TPM2_CAP,
    TPM2_RC,
    TPM2_SE,
    TPM2_SU,
    TPM2B_NV_PUBLIC,
    TPM2B_PUBLIC,
    TPM2B_SENSITIVE_CREATE,
    TPMA_NV,
    TPMA_OBJECT,
    TPML_DIGEST_VALUES,
    TPMS_NV_PUBLIC,
    TPMS_SENSITIVE_CREATE,
    TPMT_HA,
    TPMT_SIG_SCHEME,
    TPMU_HA,
    TSS2_Exception,
)

from hil.target.tpm.esapi import QueueEsapi
from hil.target.tpm.key import Key, KeyKind, attestation_template, signing_template, storage_template
from hil.target.tpm.quote import Quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.target.tpm.transport import Transport

_BY_SCHEME_OF_THE_KEY = TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL)
_BANK_NAMES = {"sha": "sha1"}
_GET_RANDOM_CHUNK = 32  # part 3, TPM2_GetRandom: a TPM may return no more than its largest digest
_SEALED = TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT
_OWNER_NV = TPMA_NV.OWNERREAD | TPMA_NV.OWNERWRITE


class Tpm:
    """A TPM behind a `Transport`, with empty authorisation values. TPM errors raise `TSS2_Exception`."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.esapi = QueueEsapi(transport)

    def __repr__(self) -> str:
        return f"<TPM behind {self.transport!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the C library's context; the TPM itself is not touched."""
        self.esapi.close()

    def startup(self, *, state: bool = False) -> None:
        """Send TPM2_Startup(CLEAR), or (STATE). A TPM that was started already ignores it."""
        try:
            self.esapi.startup(TPM2_SU.STATE if state else TPM2_SU.CLEAR)
        except TSS2_Exception as error:
            if error.rc != TPM2_RC.INITIALIZE:
                raise

    def random(self, length: int) -> bytes:
        """Return `length` random bytes, from as many commands as necessary."""
        out = b""
        while len(out) < length:
            out += bytes(self.esapi.get_random(min(length - len(out), _GET_RANDOM_CHUNK)))
        return out

    def banks(self) -> tuple[str, ...]:
        """Return the names of the allocated PCR banks, such as `sha256`."""
        _, data = self.esapi.get_capability(TPM2_CAP.PCRS, 0, 16)
        banks = (bank for bank in data.data.assignedPCR if any(bytes(bank.pcrSelect[0 : bank.sizeofSelect])))
        return tuple(_BANK_NAMES.get(name, name) for name in (str(TPM2_ALG(bank.hash)) for bank in banks))

    def extend(self, pcr: int, digest: bytes, bank: str = "sha256") -> None:
        """Extend a PCR by a digest of the bank's size."""
        algorithm = TPM2_ALG.parse(bank)
        value = TPMT_HA(hashAlg=algorithm, digest=TPMU_HA(**{bank: digest}))
        self.esapi.pcr_extend(ESYS_TR(pcr), TPML_DIGEST_VALUES([value]))

    def pcr(self, index: int, bank: str = "sha256") -> bytes:
        """Return the value of one PCR."""
        _, _, digests = self.esapi.pcr_read(f"{bank}:{index}")
        return bytes(digests[0])

    def self_test(self) -> None:
        """Run TPM2_SelfTest of every algorithm, which takes long."""
        self.esapi.self_test(True)

    @contextmanager
    def storage_key(self, kind: KeyKind = "ecc") -> Iterator[Key]:
        """Yield a primary storage key of the owner hierarchy; the same template gives the same key every time."""
        with self._primary(storage_template(kind)) as key:
            yield key

    @contextmanager
    def signing_key(self, kind: KeyKind = "ecc") -> Iterator[Key]:
        """Yield a primary key that signs any digest."""
        with self._primary(signing_template(kind)) as key:
            yield key

    @contextmanager
    def attestation_key(self, kind: KeyKind = "ecc") -> Iterator[Key]:
        """Yield a primary key that signs quotes."""
        with self._primary(attestation_template(kind)) as key:
            yield key

    @contextmanager
    def _primary(self, template: Any) -> Iterator[Key]:
        handle, public, *_ = self.esapi.create_primary(None, template)
        with self._flushed(handle):
            yield Key(handle, public)

    @contextmanager
    def _flushed(self, handle: Any) -> Iterator[Any]:
        try:
            yield handle
        finally:
            self.esapi.flush_context(handle)

    def sign(self, key: Key, digest: bytes) -> bytes:
        """Sign a SHA-256 digest; return the marshalled TPMT_SIGNATURE."""
        return bytes(self.esapi.sign(key.handle, digest, _BY_SCHEME_OF_THE_KEY).marshal())

    def quote(self, key: Key, nonce: bytes, pcrs: Sequence[int]) -> Quote:
        """Have the TPM sign its SHA-256 PCRs `pcrs` together with `nonce`."""
        attest, signature = self.esapi.quote(key.handle, _selection(pcrs), nonce)
        return Quote(bytes(attest), bytes(signature.marshal()))

    def seal(self, parent: Key, secret: bytes, pcrs: Sequence[int]) -> tuple[Any, Any]:
        """Seal `secret` to the current values of `pcrs`; return its private and public areas."""
        with self._pcr_policy(TPM2_SE.TRIAL, pcrs) as trial:
            policy = self.esapi.policy_get_digest(trial)
        template = TPM2B_PUBLIC.parse("keyedhash", objectAttributes=_SEALED, authPolicy=policy)
        sensitive = TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(data=secret))
        private, public, *_ = self.esapi.create(parent.handle, sensitive, template)
        return private, public

    def unseal(self, parent: Key, sealed: tuple[Any, Any], pcrs: Sequence[int]) -> bytes:
        """Return a sealed secret, provided that `pcrs` have the same values as when it was sealed."""
        with (
            self._flushed(self.esapi.load(parent.handle, *sealed)) as item,
            self._pcr_policy(TPM2_SE.POLICY, pcrs) as session,
        ):
            return bytes(self.esapi.unseal(item, session1=session))

    @contextmanager
    def _pcr_policy(self, kind: Any, pcrs: Sequence[int]) -> Iterator[Any]:
        session = self.esapi.start_auth_session(ESYS_TR.NONE, ESYS_TR.NONE, kind, None, TPM2_ALG.SHA256)
        with self._flushed(session):
            self.esapi.policy_pcr(session, None, _selection(pcrs))
            yield session

    def nv_define(self, index: int, size: int) -> Any:
        """Define an NV index (0x01xxxxxx) that the owner can read and write; return its ESYS handle."""
        public = TPMS_NV_PUBLIC(nvIndex=index, nameAlg=TPM2_ALG.SHA256, attributes=_OWNER_NV, dataSize=size)
        return self.esapi.nv_define_space(None, TPM2B_NV_PUBLIC(nvPublic=public))

    def nv_open(self, index: int) -> Any:
        """Return the ESYS handle of an existing NV index."""
        return self.esapi.tr_from_tpmpublic(index)

    def nv_write(self, handle: Any, data: bytes) -> None:
        """Write from the beginning of an NV index, as owner."""
        self.esapi.nv_write(handle, data, auth_handle=ESYS_TR.OWNER)

    def nv_read(self, handle: Any, size: int) -> bytes:
        """Read from the beginning of an NV index, as owner."""
        return bytes(self.esapi.nv_read(handle, size, auth_handle=ESYS_TR.OWNER))

    def nv_undefine(self, handle: Any) -> None:
        """Delete an NV index, as owner."""
        self.esapi.nv_undefine_space(handle)


def _selection(pcrs: Sequence[int]) -> str:
    return "sha256:" + ",".join(map(str, pcrs))
