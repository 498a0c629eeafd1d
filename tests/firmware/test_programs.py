from __future__ import annotations

import lzma
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.firmware.errors import BuildFailed
from hil.firmware.programs import LOADER, kernel_modules, shared_libraries

if TYPE_CHECKING:
    from pathlib import Path

LIBRARIES = "usr/lib/aarch64-linux-gnu"


def link(output: Path, *needed: Path | str) -> bytes:
    """Link an empty shared object that needs others; flags of the linker may stand among them."""
    output.parent.mkdir(parents=True, exist_ok=True)
    flags = ["-shared", "-nostdlib", "-Wl,--no-as-needed", f"-Wl,-soname,{output.name}"]
    subprocess.run(
        ["aarch64-linux-gnu-gcc", *flags, "-x", "c", "/dev/null", "-x", "none", "-o", output, *needed],
        check=True,
        timeout=60,
    )
    return output.read_bytes()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return an unpacked package with the loader, libinner, and libouter that needs both."""
    root = tmp_path / "package"
    loader, inner = root / LOADER, root / LIBRARIES / "libinner.so.1"
    link(loader)
    link(inner)
    link(root / LIBRARIES / "libouter.so.2", inner, loader)
    return root


def test_libraries_of_libraries_come_along(package: Path, tmp_path: Path) -> None:
    program = link(tmp_path / "program", package / LIBRARIES / "libouter.so.2")
    found = shared_libraries([program], [tmp_path / "empty", package])
    assert set(found) == {f"{LIBRARIES}/libouter.so.2", f"{LIBRARIES}/libinner.so.1", LOADER}
    assert found[LOADER] == (package / LOADER).read_bytes()


def test_a_library_is_found_where_its_program_says(tmp_path: Path) -> None:
    library = tmp_path / "package" / LIBRARIES / "program" / "libown.so.0"
    link(library)
    program = link(tmp_path / "program", f"-Wl,-rpath,/{LIBRARIES}/program", library)
    assert set(shared_libraries([program], [tmp_path / "package"])) == {f"{LIBRARIES}/program/libown.so.0"}


def test_a_static_program_needs_nothing(tmp_path: Path) -> None:
    assert shared_libraries([link(tmp_path / "program")], []) == {}


def test_a_library_that_no_package_has_is_named(package: Path, tmp_path: Path) -> None:
    program = link(tmp_path / "program", package / LIBRARIES / "libinner.so.1")
    with pytest.raises(BuildFailed, match=r"libinner\.so\.1"):
        shared_libraries([program], [tmp_path / "empty"])


def test_something_that_is_no_program_is_refused() -> None:
    with pytest.raises(BuildFailed, match="not a program"):
        shared_libraries([b"#!/bin/sh\n"], [])


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """Return the modules of a kernel: net needs fail-over, which needs a core that is built in."""
    tree = tmp_path / "6.12"
    for name, depends in (("virtio_net", "net-failover"), ("net-failover", "core"), ("other", "")):
        path = tree / "kernel" / "drivers" / f"{name}.ko.xz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lzma.compress(f"{name}\0license=GPL\0depends={depends}\0".encode()))
    (tree / "modules.builtin").write_text("kernel/lib/core.ko\n")
    return tree


def test_modules_come_uncompressed_after_those_they_depend_on(modules: Path) -> None:
    loaded = kernel_modules(["virtio_net", "other", "net_failover"], modules)
    assert list(loaded) == ["net_failover.ko", "virtio_net.ko", "other.ko"]
    assert loaded["other.ko"].startswith(b"other\0")


def test_a_module_that_is_built_in_is_left_out(modules: Path) -> None:
    assert kernel_modules(["core"], modules) == {}


def test_a_module_that_does_not_exist_is_named(modules: Path) -> None:
    with pytest.raises(BuildFailed, match="no module virtio_nett"):
        kernel_modules(["virtio_nett"], modules)
