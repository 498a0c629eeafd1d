from __future__ import annotations

from pathlib import Path

import pytest

from hil.firmware.errors import LockFileError
from hil.firmware.lock import Kind, read_lock, write_lock

CHECKOUT = Path(__file__).resolve().parents[2]
GOOD = """\
# Why these.

[[package]]
package = "openssl"
version = "3.0.20-1~deb12u2"
suite = "bookworm"
kind = "deb-src"
files = [
  { name = "openssl.dsc", size = 12, sha256 = "%s" },
]
""" % ("a" * 64)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sources.lock"
    path.write_text(text)
    return path


def test_the_projects_own_lock_pins_every_part_of_the_firmware() -> None:
    lock = read_lock(CHECKOUT / "firmware" / "sources.lock")
    kinds = {pin.package: pin.kind for pin in lock.pins}
    assert kinds == {
        "arm-trusted-firmware": Kind.SOURCE,
        "openssl": Kind.SOURCE,
        "libtpms-dev": Kind.BINARY,
        "picolibc-aarch64-linux-gnu": Kind.BINARY,
    }


@pytest.mark.parametrize("text", [GOOD, GOOD.replace("files = [", 'component = "non-free-firmware"\nfiles = [')])
def test_a_lock_reads_back_as_written_and_keeps_its_comment(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    write_lock(read_lock(path), path)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("[[package]]", "[[package]", "is not TOML"),
        ("[[package]]", "[other]", r"no \[\[package\]\]"),
        ('version = "3.0.20-1~deb12u2"\n', "", "openssl: version is missing"),
        ('"3.0.20-1~deb12u2"', '"; rm"', "version is missing or malformed"),
        ('"deb-src"', '"rpm"', "kind must be one of"),
        ('suite = "bookworm"', 'suite = "bookworm"\nflavour = "x"', "unknown key flavour"),
        ("a" * 64, "a" * 63, "a file needs a plain name"),
        ("openssl.dsc", "../openssl.dsc", "a file needs a plain name"),
        ("size = 12", "size = -1", "a file needs a plain name"),
        ('"deb-src"', '"deb"', "architecture is missing"),
    ],
)
def test_a_malformed_lock_is_refused_by_file_and_entry(tmp_path: Path, good: str, bad: str, complaint: str) -> None:
    path = written(tmp_path, GOOD.replace(good, bad))
    with pytest.raises(LockFileError, match=complaint) as refused:
        read_lock(path)
    assert str(path) in refused.value.message


def test_a_package_pinned_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockFileError, match="openssl more than once"):
        read_lock(written(tmp_path, GOOD + GOOD))


def test_a_package_without_a_pin_is_named(tmp_path: Path) -> None:
    with pytest.raises(LockFileError, match="'zlib'"):
        read_lock(written(tmp_path, GOOD))["zlib"]


def test_a_platform_with_a_kernel_of_its_own_gets_nothing_of_the_other_kernel() -> None:
    ours = read_lock(CHECKOUT / "firmware" / "linux" / "sources.lock")
    other = read_lock(CHECKOUT / "firmware" / "platform" / "rpi4" / "linux" / "sources.lock")
    lock = ours.with_kernel(other)
    assert lock.kernel == other.kernel
    assert {pin.package for pin in ours.pins} - {pin.package for pin in lock.pins} == {
        package.replace("-arm64", "-cloud-arm64") for package in (pin.package for pin in other.pins)
    }
    assert len({pin.version for pin in lock.pins if pin.package.startswith("linux-")}) == 1
