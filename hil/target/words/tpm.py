"""TPM commands and responses in words, and each of their fields with its place among the bytes.

Structures are those of TPM 2.0 Library part 2; all integers are big endian. What cannot be read is a field of its own,
with what is wrong: tests send malformed commands on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.target.words import tpmnames as names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.target.words.tpmnames import Part

HEADER_BYTES = 10
SESSIONS = 0x8002
SHOWN_BYTES = 16
"""Of longer data only the beginning is shown, and the length."""
_NO_SESSIONS = 0x8001
_MOST_ITEMS = 64


@dataclass(frozen=True, slots=True)
class Field:
    """Bytes `start` to `end` of a command or response: the name of the field, and its value in words."""

    start: int
    end: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A command or response: its name or result, its main parameters, and all of its fields in order."""

    name: str
    code: int
    parameters: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return ", ".join(f"{name}={text}" for name, text in self.parameters)


class Malformed(Exception):
    """The bytes end within a field, or a field has a value for which no layout is known."""


class Reader:
    """Reads fields one after the other, and remembers the place of each."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.fields: list[Field] = []

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def take(self, size: int, name: str) -> bytes:
        """Return the next bytes, as one field."""
        if size > self.left:
            raise Malformed(f"{name} has {size} bytes, {self.left} are left")
        piece = self.data[self.at : self.at + size]
        if size:
            self.fields.append(Field(self.at, self.at + size, name, shown(piece)))
        self.at += size
        return piece

    def number(self, size: int, name: str, words: Callable[[int], str] = str) -> int:
        """Return the next bytes as a number, shown as `words` say it."""
        value = int.from_bytes(self.take(size, name), "big")
        self.fields[-1] = Field(self.at - size, self.at, name, words(value))
        return value

    def part(self, part: Part) -> str:
        """Read a part of a command, and return it in words."""
        read: Callable[[str], str] = getattr(self, part.type)
        return read(part.name)

    # One method for each type that `tpmnames` has. Each takes the name of the field, and returns its value in words.

    def u8(self, name: str) -> str:
        """UINT8."""
        return str(self.number(1, name))

    def u16(self, name: str) -> str:
        """UINT16."""
        return str(self.number(2, name))

    def u32(self, name: str) -> str:
        """UINT32."""
        return _number(self.number(4, name, _number))

    def u64(self, name: str) -> str:
        """UINT64."""
        return _number(self.number(8, name, _number))

    def yes(self, name: str) -> str:
        """TPMI_YES_NO."""
        return _looked_up({0: "no", 1: "yes"})(self.number(1, name, _looked_up({0: "no", 1: "yes"})))

    def handle(self, name: str) -> str:
        """TPM_HANDLE."""
        return names.handle_name(self.number(4, name, names.handle_name))

    def algorithm(self, name: str) -> str:
        """TPM_ALG_ID."""
        return self._word(2, name, names.ALGORITHMS)

    def curve(self, name: str) -> str:
        """TPM_ECC_CURVE."""
        return self._word(2, name, names.CURVES)

    def capability(self, name: str) -> str:
        """TPM_CAP."""
        return self._word(4, name, names.CAPABILITIES)

    def startup_type(self, name: str) -> str:
        """TPM_SU."""
        return self._word(2, name, names.STARTUP_TYPES)

    def session_type(self, name: str) -> str:
        """TPM_SE."""
        return self._word(1, name, names.SESSION_TYPES)

    def command_code(self, name: str) -> str:
        """TPM_CC."""
        return names.command_name(self.number(4, name, names.command_name))

    def response_code(self, name: str) -> str:
        """TPM_RC."""
        return names.response_name(self.number(4, name, names.response_name))

    def sized(self, name: str) -> str:
        """TPM2B_*, whose content is not read."""
        size = self.number(2, f"{name}.size")
        return shown(self.take(size, name)) if size else "empty"

    def rest(self, name: str) -> str:
        """All that is left."""
        return shown(self.take(self.left, name))

    def algorithms(self, name: str) -> str:
        """TPML_ALG."""
        return self._list(name, self.algorithm)

    def command_codes(self, name: str) -> str:
        """TPML_CC."""
        return self._list(name, self.command_code)

    def handles(self, name: str) -> str:
        """TPML_HANDLE."""
        return self._list(name, self.handle)

    def digests(self, name: str) -> str:
        """TPML_DIGEST."""
        return self._list(name, self.sized)

    def digest_values(self, name: str) -> str:
        """TPML_DIGEST_VALUES."""
        return self._list(name, self._digest_value)

    def pcrs(self, name: str) -> str:
        """TPML_PCR_SELECTION, such as `sha256:0,7`."""
        return self._list(name, self._bank, between="+")

    def ticket(self, name: str) -> str:
        """TPMT_TK_*."""
        kind = self._word(2, f"{name}.tag", names.STRUCTURES)
        hierarchy = self.handle(f"{name}.hierarchy")
        self.sized(f"{name}.digest")
        return f"{kind}/{hierarchy}"

    def scheme(self, name: str) -> str:
        """TPMT_SIG_SCHEME and TPMT_RSA_DECRYPT: all schemes that a command names have a hash, or nothing."""
        scheme = self.algorithm(f"{name}.scheme")
        if scheme in {"null", "rsaes"}:
            return scheme
        hashed = self.algorithm(f"{name}.hashAlg")
        return f"{scheme}/{hashed}" + (f"/{self.u16(f'{name}.count')}" if scheme == "ecdaa" else "")

    def symmetric(self, name: str) -> str:
        """TPMT_SYM_DEF."""
        algorithm = self.algorithm(f"{name}.algorithm")
        if algorithm == "null":
            return algorithm
        if algorithm == "xor":
            return f"{algorithm}/{self.algorithm(f'{name}.keyBits')}"
        return f"{algorithm}-{self.u16(f'{name}.keyBits')}-{self.algorithm(f'{name}.mode')}"

    def sensitive(self, name: str) -> str:
        """TPM2B_SENSITIVE_CREATE."""
        self.number(2, f"{name}.size")
        secret, data = self.sized(f"{name}.userAuth"), self.sized(f"{name}.data")
        said = [f"{what} {text}" for what, text in (("auth", secret), ("data", data)) if text != "empty"]
        return " ".join(said) or "empty"

    def public(self, name: str) -> str:
        """TPM2B_PUBLIC."""
        size = self.number(2, f"{name}.size")
        if not size:
            return "empty"
        end = self.at + size
        kind = self.algorithm(f"{name}.type")
        hashed = self.algorithm(f"{name}.nameAlg")
        bits = self.number(4, f"{name}.objectAttributes", _object_bits)
        self.sized(f"{name}.authPolicy")
        words = [kind]
        if kind == "rsa":
            self.symmetric(f"{name}.symmetric")
            self.scheme(f"{name}.scheme")
            words = [f"{kind}-{self.u16(f'{name}.keyBits')}"]
            self.u32(f"{name}.exponent")
            self.sized(f"{name}.modulus")
        elif kind == "ecc":
            self.symmetric(f"{name}.symmetric")
            self.scheme(f"{name}.scheme")
            words = [f"{kind}-{self.curve(f'{name}.curveID')}"]
            self.scheme(f"{name}.kdf")
            self.sized(f"{name}.x")
            self.sized(f"{name}.y")
        self.take(max(end - self.at, 0), f"{name}.rest")
        return " ".join([*words, hashed, _object_bits(bits)])

    def nv_public(self, name: str) -> str:
        """TPM2B_NV_PUBLIC."""
        self.number(2, f"{name}.size")
        index = self.handle(f"{name}.nvIndex")
        hashed = self.algorithm(f"{name}.nameAlg")
        self.u32(f"{name}.attributes")
        self.sized(f"{name}.authPolicy")
        return f"{index} of {self.u16(f'{name}.dataSize')} bytes, {hashed}"

    def attest(self, name: str) -> str:
        """TPM2B_ATTEST."""
        size = self.number(2, f"{name}.size")
        end = self.at + size
        self.take(4, f"{name}.magic")
        kind = self._word(2, f"{name}.type", names.STRUCTURES)
        self.sized(f"{name}.qualifiedSigner")
        nonce = self.sized(f"{name}.extraData")
        self._clock(f"{name}.clockInfo")
        self.u64(f"{name}.firmwareVersion")
        words = f"{kind} extraData {nonce}"
        if kind == "attest_quote":
            words += f" {self.pcrs(f'{name}.pcrSelect')}"
            words += f" digest {self.sized(f'{name}.pcrDigest')}"
        self.take(max(end - self.at, 0), f"{name}.attested")
        return words

    def signature(self, name: str) -> str:
        """TPMT_SIGNATURE."""
        algorithm = self.algorithm(f"{name}.sigAlg")
        if algorithm == "null":
            return algorithm
        hashed = self.algorithm(f"{name}.hash")
        if algorithm == "hmac":
            self.take(names.DIGEST_BYTES.get(hashed, 0), f"{name}.digest")
            return f"{algorithm}/{hashed}"
        for value in ("sig",) if algorithm.startswith("rsa") else ("r", "s"):
            self.sized(f"{name}.{value}")
        return f"{algorithm}/{hashed}"

    def time_info(self, name: str) -> str:
        """TPMS_TIME_INFO."""
        time = self.u64(f"{name}.time")
        return f"time {time} ms, {self._clock(f'{name}.clockInfo')}"

    def context(self, name: str) -> str:
        """TPMS_CONTEXT."""
        sequence = self.u64(f"{name}.sequence")
        saved = self.handle(f"{name}.savedHandle")
        hierarchy = self.handle(f"{name}.hierarchy")
        self.sized(f"{name}.contextBlob")
        return f"{saved} of {hierarchy}, sequence {sequence}"

    def capability_data(self, name: str) -> str:
        """TPMS_CAPABILITY_DATA."""
        kind = self.capability(f"{name}.capability")
        readers = {"handles": self.handles, "pcrs": self.pcrs}
        if kind in readers:
            return f"{kind} {readers[kind](f'{name}.data')}"
        count = self.number(4, f"{name}.count")
        self.take(self.left, f"{name}.data")
        return f"{count} {kind}"

    def authorization(self, name: str) -> str:
        """TPMS_AUTH_COMMAND."""
        session = self.handle(f"{name}.sessionHandle")
        self.sized(f"{name}.nonce")
        self.number(1, f"{name}.sessionAttributes", hex)
        self.sized(f"{name}.hmac")
        return session

    def acknowledgement(self, name: str) -> str:
        """TPMS_AUTH_RESPONSE."""
        self.sized(f"{name}.nonce")
        self.number(1, f"{name}.sessionAttributes", hex)
        return self.sized(f"{name}.hmac")

    def _clock(self, name: str) -> str:
        clock = self.u64(f"{name}.clock")
        resets = self.u32(f"{name}.resetCount")
        restarts = self.u32(f"{name}.restartCount")
        self.yes(f"{name}.safe")
        return f"clock {clock} ms, {resets} resets, {restarts} restarts"

    def _digest_value(self, name: str) -> str:
        hashed = self.algorithm(f"{name}.hashAlg")
        if hashed not in names.DIGEST_BYTES:
            raise Malformed(f"{hashed} is no hash")
        return f"{hashed}:{shown(self.take(names.DIGEST_BYTES[hashed], f'{name}.digest'))}"

    def _bank(self, name: str) -> str:
        hashed = self.algorithm(f"{name}.hash")
        size = self.number(1, f"{name}.sizeofSelect")
        bits = int.from_bytes(self.take(size, f"{name}.pcrSelect"), "little")
        chosen = [number for number in range(8 * size) if bits >> number & 1]
        said = "all" if size and len(chosen) == 8 * size else ",".join(map(str, chosen)) or "none"
        if size:
            self.fields[-1] = Field(self.at - size, self.at, f"{name}.pcrSelect", said)
        return f"{hashed}:{said}"

    def _list(self, name: str, read: Callable[[str], str], *, between: str = ", ") -> str:
        count = self.number(4, f"{name}.count")
        if count > _MOST_ITEMS and count > self.left:
            raise Malformed(f"{name} has {count} entries, {self.left} bytes are left")
        return between.join([read(f"{name}[{number}]") for number in range(count)]) or "none"

    def _word(self, size: int, name: str, words: Mapping[int, str]) -> str:
        say = _looked_up(words)
        return say(self.number(size, name, say))


def read_command(data: bytes) -> Frame:
    """Read a command, as far as its bytes go."""
    reader = Reader(data)
    name, code, told = "malformed command", 0, []
    try:
        tag = reader.number(2, "tag", _tag)
        size = reader.number(4, "size")
        code = reader.number(4, "commandCode", names.command_name)
        name = names.command_name(code)
        if size != len(data):
            told.append(("size", f"{size}, but {len(data)} bytes were sent"))
        if tag not in {_NO_SESSIONS, SESSIONS}:
            told.append(("tag", f"{tag:#x}"))
        shape = names.shapes().get(code)
        if shape is None:
            raise Malformed("the command is not known")
        _read_parts(reader, shape.handles, told)
        if tag == SESSIONS:
            end = reader.number(4, "authorizationSize") + reader.at
            number = 0
            while reader.at < min(end, len(data)):
                number += 1
                session = reader.authorization(f"session {number}")
                if session != "password":
                    told.append((f"session {number}", session))
        _read_parts(reader, shape.parameters, told)
        if reader.left:
            raise Malformed(f"{reader.left} bytes more than the command has")
    except Malformed as error:
        _keep_rest(reader, str(error), told)
    return Frame(name, code, tuple(told), tuple(reader.fields))


def read_response(data: bytes, command_code: int = 0) -> Frame:
    """Read a response to the command with this code; without one, only the header is read."""
    reader = Reader(data)
    name, code, told = "malformed response", 0, []
    try:
        tag = reader.number(2, "tag", _tag)
        size = reader.number(4, "size")
        code = reader.number(4, "responseCode", names.response_name)
        name = names.response_name(code)
        if size != len(data):
            told.append(("size", f"{size}, but {len(data)} bytes came"))
        shape = names.shapes().get(command_code)
        if shape and code == 0:
            _read_parts(reader, shape.response_handles, told)
            end = len(data)
            if tag == SESSIONS:
                end = reader.number(4, "parameterSize") + reader.at
            _read_parts(reader, shape.response_parameters, told)
            if reader.at < end:
                reader.take(end - reader.at, "more parameters")
            number = 0
            while tag == SESSIONS and reader.left:
                number += 1
                reader.acknowledgement(f"session {number}")
        if reader.left:
            reader.take(reader.left, "parameters" if not shape else "more bytes")
    except Malformed as error:
        _keep_rest(reader, str(error), told)
    return Frame(name, code, tuple(told), tuple(reader.fields))


def is_frame(data: bytes) -> bool:
    """Whether bytes look like a TPM command or response: a tag of one, and the size that it says."""
    return (
        len(data) >= HEADER_BYTES
        and int.from_bytes(data[:2], "big") in names.TAGS
        and int.from_bytes(data[2:6], "big") == len(data)
    )


def shown(data: bytes) -> str:
    """Return bytes in hexadecimal, the beginning and the length of long ones; repetitions in words."""
    if len(data) > 1 and len(set(data)) == 1:
        return f"{len(data)} bytes of {data[0]:#04x}"
    if len(data) <= SHOWN_BYTES:
        return data.hex() or "empty"
    return f"{data[:SHOWN_BYTES].hex()}… ({len(data)} bytes)"


def _read_parts(reader: Reader, parts: Sequence[Part], told: list[tuple[str, str]]) -> None:
    for part in parts:
        told.append((part.name, reader.part(part)))


def _keep_rest(reader: Reader, why: str, told: list[tuple[str, str]]) -> None:
    told.append(("malformed", why))
    if reader.left:
        start, reader.at = reader.at, len(reader.data)
        reader.fields.append(Field(start, reader.at, "unread", why))


def _tag(tag: int) -> str:
    return names.TAGS.get(tag, f"{tag:#x}")


def _number(value: int) -> str:
    return str(value) if value < 0x10000 else f"{value:#x}"


def _looked_up(words: Mapping[int, str]) -> Callable[[int], str]:
    return lambda value: words.get(value, f"{value:#x}")


def _object_bits(bits: int) -> str:
    known = [name for bit, name in names.OBJECT_BITS.items() if bits >> bit & 1]
    return "|".join(known) or f"{bits:#x}"
