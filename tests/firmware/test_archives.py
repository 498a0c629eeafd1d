from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import UsageError
from hil.firmware.archives import SuiteRequest, configured_archives, source_list
from hil.firmware.lock import Kind

if TYPE_CHECKING:
    from pathlib import Path

ONE_LINE = """\
# deb http://unused.example/debian bookworm main
deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm main contrib # ours
deb [signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm-updates main
deb http://security.example/debian-security bookworm-security main
deb [arch=amd64] https://vendor.example/apt stable-vendor main
deb http://flat.example/packages ./
"""
DEB822 = """\
Types: deb
# a comment inside
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
"""
TRIXIE = SuiteRequest("trixie", Kind.SOURCE, "")


def configuration(tmp_path: Path, text: str, name: str) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return tmp_path


def both(tmp_path: Path) -> list[Path]:
    return [
        configuration(tmp_path / "old", ONE_LINE, "sources.list"),
        configuration(tmp_path / "new", DEB822, "sources.list.d/debian.sources"),
    ]


def test_both_formats_give_the_same_archive_for_another_suite(tmp_path: Path) -> None:
    lists = {source_list(configured_archives(apt), [TRIXIE]) for apt in both(tmp_path)}
    assert lists == {
        "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /keys/debian.gpg\n"
    }


def test_a_foreign_architecture_takes_the_place_of_the_configured_one(tmp_path: Path) -> None:
    for apt in both(tmp_path):
        listing = source_list(configured_archives(apt), [SuiteRequest("bookworm", Kind.BINARY, "arm64")])
        assert "Architectures: arm64\n" in listing
        assert "amd64" not in listing


def test_a_component_other_than_main_is_asked_for_by_name(tmp_path: Path) -> None:
    for apt in both(tmp_path):
        wanted = SuiteRequest("bookworm", Kind.BINARY, "arm64", "non-free-firmware")
        assert "Components: non-free-firmware\n" in source_list(configured_archives(apt), [wanted])


def test_security_suites_come_from_the_security_archive(tmp_path: Path) -> None:
    for apt in both(tmp_path):
        listing = source_list(configured_archives(apt), [SuiteRequest("trixie-security", Kind.SOURCE, "")])
        assert "URIs: http://security.example/debian-security\n" in listing


def test_an_archive_that_is_switched_off_is_not_used(tmp_path: Path) -> None:
    for apt in both(tmp_path):
        assert "off.example" not in source_list(configured_archives(apt), [TRIXIE])


def test_a_key_inside_the_configuration_is_kept(tmp_path: Path) -> None:
    key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n"
    text = f"Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n{key}"
    apt = configuration(tmp_path, text, "sources.list.d/debian.sources")
    assert key.partition("\n")[2] in source_list(configured_archives(apt), [TRIXIE])


def test_an_archive_that_has_the_suite_configured_is_preferred(tmp_path: Path) -> None:
    text = "deb http://first.example/debian bookworm main\ndeb http://second.example/debian trixie main\n"
    apt = configuration(tmp_path, text, "sources.list")
    assert "URIs: http://second.example/debian\n" in source_list(configured_archives(apt), [TRIXIE])


def test_a_machine_without_an_archive_of_debian_is_told_so(tmp_path: Path) -> None:
    apt = configuration(tmp_path, "deb https://vendor.example/apt vendor main\n", "sources.list")
    with pytest.raises(UsageError, match="no Debian archive that could hold trixie"):
        source_list(configured_archives(apt), [TRIXIE])
