"""TPM commands as raw bytes, for tests that need malformed commands, or many commands at low cost.

Layouts are from TPM 2.0 Library part 3 (one table per command) and part 2 (structures). All integers are big endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.target.tpm.transport import Transport

__all__ = [
    "ALG_NULL",
    "ALG_SHA256",
    "CC_CREATE_PRIMARY",
    "CC_FLUSH_CONTEXT",
    "CC_GET_CAPABILITY",
    "CC_GET_RANDOM",
    "CC_PCR_EXTEND",
    "CC_PCR_READ",
    "CC_QUOTE",
    "CC_SELF_TEST",
    "CC_SHUTDOWN",
    "CC_STARTUP",
    "HEADER_BYTES",
    "NO_SESSIONS",
    "RC_COMMAND_SIZE",
    "RC_FAILURE",
    "RC_INITIALIZE",
    "RC_RETRY",
    "SESSIONS",
    "SUCCESS",
    "Response",
    "command",
    "create_primary",
    "flush_context",
    "get_random",
    "pcr_extend",
    "pcr_read",
    "pcr_value",
    "quote",
    "startup",
    "submit",
    "with_password",
]

HEADER_BYTES = 10
NO_SESSIONS = 0x8001
SESSIONS = 0x8002

SUCCESS = 0x000
RC_FAILURE = 0x101
RC_COMMAND_SIZE = 0x142
RC_INITIALIZE = 0x100
RC_RETRY = 0x922
_RESUBMISSIONS = 5

CC_CREATE_PRIMARY = 0x131
CC_SELF_TEST = 0x143
CC_STARTUP = 0x144
CC_SHUTDOWN = 0x145
CC_QUOTE = 0x158
CC_FLUSH_CONTEXT = 0x165
CC_GET_CAPABILITY = 0x17A
CC_GET_RANDOM = 0x17B
CC_PCR_READ = 0x17E
CC_PCR_EXTEND = 0x182

ALG_SHA256 = 0x000B
ALG_NULL = 0x0010
_RH_OWNER = 0x40000001
_RS_PW = 0x40000009
_NO_SECRET = struct.pack(">HHH", 4, 0, 0)
"""TPM2B_SENSITIVE_CREATE with neither an authorisation value nor data."""
_NO_OUTSIDE_INFO = struct.pack(">H", 0)
_NO_PCRS = struct.pack(">I", 0)


@dataclass(frozen=True, slots=True)
class Response:
    """A response, split into its header fields (TPM 2.0 Library part 1, "Response Header") and the rest."""

    tag: int
    size: int
    code: int
    body: bytes

    @classmethod
    def parse(cls, data: bytes) -> Response:
        """Split `data`. Raises `ValueError` if it is shorter than a header, or its size field is wrong."""
        if len(data) < HEADER_BYTES:
            raise ValueError(
                f"a TPM response has at least {HEADER_BYTES} bytes, this one has {len(data)}: {data.hex()}"
            )
        tag, size, code = struct.unpack_from(">HII", data)
        if size != len(data):
            raise ValueError(f"the TPM response says it has {size} bytes, but {len(data)} came: {data.hex()}")
        return cls(tag, size, code, data[HEADER_BYTES:])


def command(code: int, parameters: bytes = b"", *, tag: int = NO_SESSIONS, size: int | None = None) -> bytes:
    """Return a command; `size` overrides the size field, for malformed commands."""
    return struct.pack(">HII", tag, HEADER_BYTES + len(parameters) if size is None else size, code) + parameters


def with_password(code: int, handle: int, parameters: bytes, *, password: bytes = b"") -> bytes:
    """Return a command on one handle, authorised by a password session (part 1, "Password Authorizations")."""
    session = struct.pack(">IHBH", _RS_PW, 0, 0, len(password)) + password
    return command(code, struct.pack(">II", handle, len(session)) + session + parameters, tag=SESSIONS)


def startup(*, state: bool = False) -> bytes:
    """TPM2_Startup(CLEAR), or (STATE)."""
    return command(CC_STARTUP, struct.pack(">H", 1 if state else 0))


def get_random(length: int) -> bytes:
    """TPM2_GetRandom for `length` bytes."""
    return command(CC_GET_RANDOM, struct.pack(">H", length))


def pcr_extend(pcr: int, digest: bytes) -> bytes:
    """TPM2_PCR_Extend of one SHA-256 digest."""
    return with_password(CC_PCR_EXTEND, pcr, struct.pack(">IH", 1, ALG_SHA256) + digest)


def pcr_read(pcr: int) -> bytes:
    """TPM2_PCR_Read of one PCR in the SHA-256 bank."""
    return command(CC_PCR_READ, _selection(pcr))


def create_primary(template: bytes) -> bytes:
    """TPM2_CreatePrimary in the owner hierarchy; `template` is a marshalled TPM2B_PUBLIC."""
    parameters = _NO_SECRET + template + _NO_OUTSIDE_INFO + _NO_PCRS
    return with_password(CC_CREATE_PRIMARY, _RH_OWNER, parameters)


def quote(key: int, nonce: bytes, pcr: int) -> bytes:
    """TPM2_Quote of one PCR in the SHA-256 bank, by the scheme of the key with this handle."""
    return with_password(
        CC_QUOTE, key, struct.pack(">H", len(nonce)) + nonce + struct.pack(">H", ALG_NULL) + _selection(pcr)
    )


def flush_context(handle: int) -> bytes:
    """TPM2_FlushContext of a key or a session."""
    return command(CC_FLUSH_CONTEXT, struct.pack(">I", handle))


def pcr_value(response: bytes) -> bytes:
    """Return the digest in a response to `pcr_read` (part 3, "TPM2_PCR_Read")."""
    parsed = Response.parse(response)
    if parsed.code != SUCCESS:
        raise ValueError(f"TPM2_PCR_Read answered {parsed.code:#x}")
    return parsed.body[-32:]


def submit(transport: Transport, raw: bytes) -> Response:
    """Return the response to one command; resubmit it on TPM_RC_RETRY, as part 1 asks of callers."""
    response = Response.parse(transport.transmit(raw))
    for _ in range(_RESUBMISSIONS):
        if response.code != RC_RETRY:
            break
        response = Response.parse(transport.transmit(raw))
    return response


def _selection(pcr: int) -> bytes:
    """TPML_PCR_SELECTION of one PCR in the SHA-256 bank."""
    bits = bytearray(3)
    bits[pcr // 8] = 1 << pcr % 8
    return struct.pack(">IHB", 1, ALG_SHA256, len(bits)) + bits
