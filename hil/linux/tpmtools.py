"""Runs tpm2-tools in a guest, and verifies their results on this machine."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hil.linux.commandloop import CommandLoop
    from hil.target.tpm import Quote
    from hil.target.tpm.quote import PublicKey

__all__ = [
    "IMA_LOG",
    "Attestation",
    "attest",
    "exchange",
    "extend",
    "extended",
    "ima_digests",
    "pcr",
]

IMA_LOG = "/sys/kernel/security/ima/ascii_runtime_measurements_sha256"
_DIGEST_FIELD = 1
_KEY = "/tmp/quote"


def exchange(guest: CommandLoop, device: str, *commands: tuple[int, bytes]) -> list[bytes]:
    """Send raw commands to a TPM device of the guest, each through the open file of its number, from 3 on.

    Returns the responses.
    """
    lines = [f"{file} " + "".join(f"\\x{byte:02x}" for byte in command) for file, command in commands]
    send_and_receive = 'printf "$command" >&$file; dd bs=4096 count=1 <&$file 2>/dev/null | base64 -w 0; echo'
    opened = " ".join(f"{file}<>{device}" for file in sorted({file for file, _ in commands}))
    program = f"exec {opened}; while read -r file command; do {send_and_receive}; done"
    answers = guest.run(program, stdin="".join(f"{line}\n" for line in lines).encode()).lines
    return [base64.b64decode(answer) for answer in answers]


def pcr(guest: CommandLoop, number: int) -> bytes:
    """Return a PCR of the guest's SHA-256 bank."""
    return bytes.fromhex(guest.run(f"tpm2_pcrread sha256:{number}").text.rpartition("0x")[2])


def extend(guest: CommandLoop, number: int, digest: bytes) -> None:
    """Extend a PCR of the guest's SHA-256 bank."""
    guest.run(f"tpm2_pcrextend {number}:sha256={digest.hex()}")


def extended(digests: Iterable[bytes], start: bytes = bytes(32)) -> bytes:
    """Return the value of a SHA-256 PCR after it was extended by these digests (TPM 2.0 Library part 1, 17.2)."""
    for digest in digests:
        start = hashlib.sha256(start + digest).digest()
    return start


def ima_digests(guest: CommandLoop) -> list[bytes]:
    """Return the digests in the measurement log of the guest's kernel, in order."""
    return [bytes.fromhex(line.split()[_DIGEST_FIELD]) for line in guest.run(f"cat {IMA_LOG}").lines]


@dataclass(frozen=True, slots=True)
class Attestation:
    """A quote, and the public half of the key that made it."""

    quote: Quote
    key: PublicKey

    def verify(self, nonce: bytes, pcrs: Mapping[int, bytes]) -> None:
        """Verify the quote with nothing else from the guest. Raises `QuoteError`."""
        self.quote.verify(self.key, nonce, pcrs)


def attest(guest: CommandLoop, nonce: bytes, pcrs: Iterable[int]) -> Attestation:
    """Let the guest make an attestation key and quote PCRs of its SHA-256 bank with it."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    from hil.target.tpm import Quote  # needs an extra, and nothing else here does

    selection = ",".join(map(str, pcrs))
    guest.run(
        f"tpm2_createprimary -Q -C e -G ecc256:ecdsa-sha256:null -c {_KEY}.key"
        " -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' &&"
        f" tpm2_readpublic -Q -c {_KEY}.key -f pem -o {_KEY}.pem &&"
        f" tpm2_quote -Q -c {_KEY}.key -l sha256:{selection} -q {nonce.hex()} -m {_KEY}.attest -s {_KEY}.signature"
    )
    files = guest.run(f"for file in attest signature pem; do base64 -w 0 {_KEY}.$file; echo; done").lines
    attested, signature, pem = map(base64.b64decode, files)
    return Attestation(Quote(attested, signature), load_pem_public_key(pem))  # type: ignore[arg-type]
