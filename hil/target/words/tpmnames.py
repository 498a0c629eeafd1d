"""Names of TPM 2.0 commands, responses, algorithms and handles, and what each command consists of.

Names and numbers are those of the TPM 2.0 Library: part 2 for constants, part 3 for the commands' tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_COMMANDS = Path(__file__).with_name("tpmcommands.txt")
"""What each command consists of."""

ALGORITHMS = {
    0x0001: "rsa", 0x0003: "tdes", 0x0004: "sha1", 0x0005: "hmac", 0x0006: "aes", 0x0007: "mgf1", 0x0008: "keyedhash",
    0x000A: "xor", 0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512", 0x0010: "null", 0x0012: "sm3_256",
    0x0013: "sm4", 0x0014: "rsassa", 0x0015: "rsaes", 0x0016: "rsapss", 0x0017: "oaep", 0x0018: "ecdsa",
    0x0019: "ecdh", 0x001A: "ecdaa", 0x001B: "sm2", 0x001C: "ecschnorr", 0x001D: "ecmqv", 0x0020: "kdf1_sp800_56a",
    0x0021: "kdf2", 0x0022: "kdf1_sp800_108", 0x0023: "ecc", 0x0025: "symcipher", 0x0026: "camellia",
    0x0027: "sha3_256", 0x0028: "sha3_384", 0x0029: "sha3_512", 0x0040: "ctr", 0x0041: "ofb", 0x0042: "cbc",
    0x0043: "cfb", 0x0044: "ecb",
}  # fmt: skip
"""TPM_ALG_ID: TCG Algorithm Registry, "TPM_ALG_ID"."""
DIGEST_BYTES = {
    "sha1": 20,
    "sha256": 32,
    "sha384": 48,
    "sha512": 64,
    "sm3_256": 32,
    "sha3_256": 32,
    "sha3_384": 48,
    "sha3_512": 64,
}
CURVES = {1: "p192", 2: "p224", 3: "p256", 4: "p384", 5: "p521", 0x10: "bn_p256", 0x11: "bn_p638", 0x20: "sm2_p256"}
"""TPM_ECC_CURVE: TCG Algorithm Registry."""
PERMANENT = {
    0x40000001: "owner", 0x40000007: "null", 0x40000009: "password", 0x4000000A: "lockout",
    0x4000000B: "endorsement", 0x4000000C: "platform", 0x4000000D: "platform NV",
}  # fmt: skip
"""TPM_RH: part 2, "TPM_RH"."""
HANDLE_TYPES = {
    0x00: "PCR",
    0x01: "NV",
    0x02: "session",
    0x03: "policy session",
    0x80: "object",
    0x81: "persistent object",
    0x90: "AC",
}
"""TPM_HT: part 2, "TPM_HT", the first byte of a handle."""
CAPABILITIES = {
    0: "algorithms", 1: "handles", 2: "commands", 3: "pp_commands", 4: "audit_commands", 5: "pcrs",
    6: "tpm_properties", 7: "pcr_properties", 8: "ecc_curves", 9: "auth_policies",
}  # fmt: skip
"""TPM_CAP: part 2, "TPM_CAP"."""
STRUCTURES = {
    0x8014: "attest_nv", 0x8015: "attest_command_audit", 0x8016: "attest_session_audit", 0x8017: "attest_certify",
    0x8018: "attest_quote", 0x8019: "attest_time", 0x801A: "attest_creation", 0x8021: "creation", 0x8022: "verified",
    0x8023: "auth_secret", 0x8024: "hashcheck", 0x8025: "auth_signed",
}  # fmt: skip
TAGS = {0x8001: "no sessions", 0x8002: "sessions", 0x00C4: "TPM 1.2"}
"""TPM_ST: part 2, "TPM_ST"."""
STARTUP_TYPES = {0: "CLEAR", 1: "STATE"}
SESSION_TYPES = {0: "HMAC", 1: "POLICY", 3: "TRIAL"}
OBJECT_BITS = {
    1: "fixedTPM", 2: "stClear", 4: "fixedParent", 5: "sensitiveDataOrigin", 6: "userWithAuth", 7: "adminWithPolicy",
    10: "noDA", 11: "encryptedDuplication", 16: "restricted", 17: "decrypt", 18: "sign",
}  # fmt: skip
"""TPMA_OBJECT: part 2, "TPMA_OBJECT"."""

_VERSION_1 = {
    0x00: "INITIALIZE", 0x01: "FAILURE", 0x03: "SEQUENCE", 0x0B: "PRIVATE", 0x19: "HMAC", 0x20: "DISABLED",
    0x21: "EXCLUSIVE", 0x24: "AUTH_TYPE", 0x25: "AUTH_MISSING", 0x26: "POLICY", 0x27: "PCR", 0x28: "PCR_CHANGED",
    0x2D: "UPGRADE", 0x2E: "TOO_MANY_CONTEXTS", 0x2F: "AUTH_UNAVAILABLE", 0x30: "REBOOT", 0x31: "UNBALANCED",
    0x42: "COMMAND_SIZE", 0x43: "COMMAND_CODE", 0x44: "AUTHSIZE", 0x45: "AUTH_CONTEXT", 0x46: "NV_RANGE",
    0x47: "NV_SIZE", 0x48: "NV_LOCKED", 0x49: "NV_AUTHORIZATION", 0x4A: "NV_UNINITIALIZED", 0x4B: "NV_SPACE",
    0x4C: "NV_DEFINED", 0x50: "BAD_CONTEXT", 0x51: "CPHASH", 0x52: "PARENT", 0x53: "NEEDS_TEST", 0x54: "NO_RESULT",
    0x55: "SENSITIVE",
}  # fmt: skip
_FORMAT_1 = {
    0x01: "ASYMMETRIC", 0x02: "ATTRIBUTES", 0x03: "HASH", 0x04: "VALUE", 0x05: "HIERARCHY", 0x07: "KEY_SIZE",
    0x08: "MGF", 0x09: "MODE", 0x0A: "TYPE", 0x0B: "HANDLE", 0x0C: "KDF", 0x0D: "RANGE", 0x0E: "AUTH_FAIL",
    0x0F: "NONCE", 0x10: "PP", 0x12: "SCHEME", 0x15: "SIZE", 0x16: "SYMMETRIC", 0x17: "TAG", 0x18: "SELECTOR",
    0x1A: "INSUFFICIENT", 0x1B: "SIGNATURE", 0x1C: "KEY", 0x1D: "POLICY_FAIL", 0x1F: "INTEGRITY", 0x20: "TICKET",
    0x21: "RESERVED_BITS", 0x22: "BAD_AUTH", 0x23: "EXPIRED", 0x24: "POLICY_CC", 0x25: "BINDING", 0x26: "CURVE",
    0x27: "ECC_POINT",
}  # fmt: skip
_WARNINGS = {
    0x01: "CONTEXT_GAP", 0x02: "OBJECT_MEMORY", 0x03: "SESSION_MEMORY", 0x04: "MEMORY", 0x05: "SESSION_HANDLES",
    0x06: "OBJECT_HANDLES", 0x07: "LOCALITY", 0x08: "YIELDED", 0x09: "CANCELED", 0x0A: "TESTING",
    0x10: "REFERENCE_H0", 0x18: "REFERENCE_S0", 0x20: "NV_RATE", 0x21: "LOCKOUT", 0x22: "RETRY",
    0x23: "NV_UNAVAILABLE",
}  # fmt: skip
_TPM_1_BAD_TAG = 0x01E


@dataclass(frozen=True, slots=True)
class Part:
    """A handle or a parameter, and its type: a method of `hil.target.words.tpm.Reader`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class CommandShape:
    """What a command and its response consist of."""

    name: str
    handles: tuple[Part, ...] = ()
    parameters: tuple[Part, ...] = ()
    response_handles: tuple[Part, ...] = ()
    response_parameters: tuple[Part, ...] = ()


@cache
def shapes() -> dict[int, CommandShape]:
    """Return all known commands by code."""
    found = {}
    for line in _COMMANDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        title, *groups = line.split("|")
        code, name = title.split()
        parts = [tuple(Part(*word.split(":")) for word in group.split()) for group in groups]
        found[int(code, 16)] = CommandShape(f"TPM2_{name}", *parts)
    return found


def command_name(code: int) -> str:
    """Return the name of a command code, such as `TPM2_GetRandom`, or its number."""
    shape = shapes().get(code)
    return shape.name if shape else f"TPM command {code:#x}"


def response_name(code: int) -> str:
    """Return a response code in words, such as `HANDLE (handle 1)`: part 2, "TPM_RC", and part 1, figure 26."""
    if code == 0:
        return "SUCCESS"
    if code == _TPM_1_BAD_TAG:
        return "BAD_TAG"
    if code & 0x80:  # format one: the number of a parameter, a session or a handle is part of the code
        name = _FORMAT_1.get(code & 0x3F, f"format-one {code & 0x3F:#x}")
        number = code >> 8 & 0xF
        if code & 0x40:
            return f"{name} (parameter {number})"
        return f"{name} (session {number - 8})" if number > 8 else f"{name} (handle {number})"
    if code & 0x800:
        return _WARNINGS.get(code & 0x7F, f"warning {code & 0x7F:#x}")
    if code & 0x100:
        return _VERSION_1.get(code & 0x7F, f"error {code & 0x7F:#x}")
    return f"code {code:#x}"


def handle_name(handle: int) -> str:
    """Return a handle in words, such as `owner`, `PCR 7` or `NV 0x1800001`."""
    if handle in PERMANENT:
        return PERMANENT[handle]
    kind = HANDLE_TYPES.get(handle >> 24, "")
    if kind == "PCR":
        return f"PCR {handle}"
    return f"{kind} {handle:#x}" if kind else f"{handle:#x}"
