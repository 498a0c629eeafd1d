"""A lab with TLS at its coordinator and keeper, with the labgrid that knows TLS and the one that does not yet."""

from __future__ import annotations

import datetime
import ipaddress
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hil.lab.address import LabAddress
from hil.lab.tls import CACERT, SWITCH
from tests.lab.exporter import tlscoordinator
from tests.lab.exporter.reallab import LOOPBACK, RealLab, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCALHOST = "localhost"
TRUSTED = "trusted.pem"
OTHER = "other.pem"


def write_certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, LOCALHOST)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(LOCALHOST), x509.IPAddress(ipaddress.ip_address("::1"))]
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = directory / name, directory / f"{name}.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file, key_file


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLab]:
    directory = tmp_path_factory.mktemp("lab")
    certificate, key = write_certificate(directory, TRUSTED)
    write_certificate(directory, OTHER)
    plain = LabAddress(LOOPBACK, free_port())
    address = LabAddress(LOCALHOST, free_port())
    program = [sys.executable, str(Path(tlscoordinator.__file__)), str(certificate), str(key), str(address), str(plain)]
    with_tls = ["-c", str(address), "--tls", "--cacert", str(certificate)]
    with RealLab.up(
        directory,
        address=address,
        coordinator=program,
        keeper=["--cert", str(certificate), "--key", str(key)],
        exporter=with_tls if tlscoordinator.HAS_TLS else ["-c", str(plain)],
        settings={SWITCH: "1", CACERT: str(certificate)},
    ) as lab:
        yield lab


def test_a_run_drives_a_board_of_a_lab_with_tls(lab: RealLab) -> None:
    lab.await_good()
    done = lab.hil("run", "--pool", "board=bench")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.place().state == "free"


def test_a_lab_whose_certificate_nobody_trusts_is_refused_with_what_to_do(lab: RealLab) -> None:
    done = lab.hil("lab", "status", **{CACERT: str(lab.directory / OTHER)})
    assert (done.returncode, "cannot be trusted: self-signed certificate" in done.stderr) == (3, True), done.stderr
    assert CACERT in done.stderr
    missing = lab.hil("lab", "status", **{CACERT: "/no/such/file"})
    assert (missing.returncode, f"{CACERT} names /no/such/file" in missing.stderr) == (2, True), missing.stderr


def test_somebody_who_does_not_use_tls_is_told_that_the_lab_may(lab: RealLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "settings", {})
    done = lab.hil("lab", "status")
    assert (done.returncode, f"does this lab have TLS? {SWITCH}=1" in done.stderr) == (3, True), done.stderr
