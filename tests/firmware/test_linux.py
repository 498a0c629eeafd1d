"""The images of the Linux host, made from the packages that the lock file pins."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.board.file.boardfile import BoardFile
from hil.firmware.linux import IMAGES, HostImages
from hil.firmware.lock import read_lock
from hil.firmware.sources import SourceCache
from hil.firmware.steps import BuildDirectory
from hil.paths import CHECKOUT
from hil.progress import Silent
from tests.firmware.test_initramfs import unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from hil.progress import Progress
    from tests.firmware.conftest import Steps

LINUX = CHECKOUT / "firmware" / "linux"


def make(directory: Path, progress: Progress) -> None:
    """Make the host's images in a directory."""
    lock = read_lock(LINUX / "sources.lock")
    packages = SourceCache().unpacked(lock.pins, Silent())
    machine = BoardFile.read(CHECKOUT / "boards" / "qemu-virt-linux.yaml").machine()
    directory.mkdir(exist_ok=True)
    (directory / "flash.bin").touch()  # QEMU asks only whether there is one
    agent = directory / "agent"
    agent.touch()
    HostImages(BuildDirectory(directory, progress), LINUX / "host", lock, packages, agent).make(machine)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("linux")
    make(directory, Silent())
    return directory


def test_two_build_trees_have_the_same_images_but_for_the_keys(made: Path, tmp_path: Path) -> None:
    other = tmp_path / "another,tree"  # a comma, which QEMU takes for the end of a name
    make(other, Silent())
    assert [name for name in IMAGES if (made / name).read_bytes() != (other / name).read_bytes()] == []
    assert (made / "initrd").read_bytes() != (other / "initrd").read_bytes()


def test_images_that_are_up_to_date_are_left_alone(made: Path, steps: Steps) -> None:
    make(made, steps)
    assert steps.titles == []


def test_no_key_is_in_what_everybody_has(made: Path) -> None:
    common = (made / "host.cpio").read_bytes()
    assert not [name for name in unpacked(common) if name.startswith(("root/.ssh", "etc/dropbear"))]
    own = (made / "initrd").read_bytes().removeprefix(common)
    assert unpacked(own)["root/.ssh/authorized_keys"][1] == (made / "keys" / "user.pub").read_bytes()


def test_every_link_of_the_initramfs_leads_to_something(made: Path) -> None:
    files = unpacked((made / "host.cpio").read_bytes())
    assert files["init"][1].decode() in files
    assert f"usr/lib/{files['usr/lib/sftp-server'][1].decode()}" in files


def test_our_module_is_loaded_behind_those_of_the_kernel(made: Path) -> None:
    files = unpacked((made / "host.cpio").read_bytes())
    assert files["etc/modules"][1].splitlines()[-1] == b"/lib/modules/vtpm.ko"
    assert files["lib/modules/vtpm.ko"][1] == (made / "vtpm.ko").read_bytes()


def test_our_module_is_for_the_kernel_beside_it(made: Path) -> None:
    lock = read_lock(LINUX / "sources.lock")
    (release,) = {
        pin.package.removeprefix("linux-image-") for pin in lock.pins if pin.package.startswith("linux-image-")
    }
    assert f"vermagic={release} ".encode() in (made / "vtpm.ko").read_bytes()
    assert {pin.version for pin in lock.pins if pin.package.startswith("linux-")} == {lock.pins[0].version}


def test_our_module_does_not_say_where_it_was_built(made: Path) -> None:
    assert str(made).encode() not in (made / "vtpm.ko").read_bytes()


def test_busybox_has_every_program_that_leads_to_it(made: Path) -> None:
    files = unpacked((made / "host.cpio").read_bytes())
    names = [path.removeprefix("bin/") for path, (_, content) in files.items() if content == b"/bin/busybox"]
    assert len(names) > 100
    assert [name for name in names if f"\0{name}\0".encode() not in files["bin/busybox"][1]] == []


def test_the_device_tree_says_where_the_initramfs_is(made: Path) -> None:
    def chosen(name: str) -> int:
        words = subprocess.run(
            ["fdtget", "-t", "x", made / "host.dtb", "/chosen", name], capture_output=True, text=True, check=True
        ).stdout.split()
        return int(words[0], 16) << 32 | int(words[1], 16)

    assert chosen("linux,initrd-end") - chosen("linux,initrd-start") == (made / "initrd").stat().st_size
    assert chosen("linux,initrd-start") == 0x48000000


def test_the_device_tree_has_no_seed_that_would_be_the_same_at_every_start(made: Path) -> None:
    properties = subprocess.run(
        ["fdtget", "-p", made / "host.dtb", "/chosen"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"rng-seed", "kaslr-seed"} & set(properties)
