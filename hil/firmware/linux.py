"""Builds the Linux host: kernel, initramfs and device tree, for the machine of a board file or for hardware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.firmware.contents import Contents
from hil.firmware.guest import GuestFiles
from hil.firmware.initramfs import Initramfs
from hil.firmware.machine import option_value
from hil.firmware.module import HostPrograms
from hil.firmware.sshkeys import SshKeys
from hil.firmware.steps import build_id, version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.firmware.lock import Lock
    from hil.firmware.machine import EmulatedMachine
    from hil.firmware.steps import BuildDirectory, BuildStep

IMAGES = ("Image", "vtpm.ko", "vmm", "guest.cpio", "host.cpio", "host.dtb")
"""The images that are equal for all builds from equal sources. `initrd` is not among them: it contains keys."""

_SEEDS = ("rng-seed", "kaslr-seed")


class HostImages:
    """The steps for the host's images, in a build of their own.

    `source` is firmware/linux/host, `unpacked` the directory of each package of `lock`, `agent` our agent's image,
    `modules` what is loaded in the place of what contents.toml names.
    """

    def __init__(
        self,
        build: BuildDirectory,
        source: Path,
        lock: Lock,
        unpacked: Mapping[str, Path],
        agent: Path,
        modules: Sequence[str] | None = None,
    ) -> None:
        self._build = build
        self._source = source
        self._lock = lock
        self._unpacked = unpacked
        self._agent = agent
        self._contents = Contents(source, lock, unpacked, modules)

    def make(self, machine: EmulatedMachine) -> str:
        """Make all images that are out of date, for a machine that starts from the `flash.bin` beside them.

        Returns the build id that the host announces.
        """
        identity = self._system()
        self._device_tree(machine)
        return identity

    def make_for_hardware(self, devicetree: str) -> str:
        """Make all images that are out of date, with a device tree as it comes with the kernel; return the build id."""
        identity = self._system()
        self._devicetree_of_the_kernel(devicetree)
        return identity

    def _system(self) -> str:
        self._image()
        self._archive()
        return self._initrd()

    def _image(self) -> None:
        """Take the kernel out of its package. Debian's `vmlinuz` for arm64 is uncompressed, usually called `Image`."""
        kernel = self._lock.kernel

        def work(step: BuildStep) -> None:
            (vmlinuz,) = (self._unpacked[kernel.package] / "boot").glob("vmlinuz-*")
            step.run("cp", vmlinuz, self._build.path / "Image")

        self._build.step("kernel", "Unpacking the host's kernel", [kernel.key], ["Image"], work)

    def _archive(self) -> None:
        """Pack the initramfs, without keys."""
        programs = HostPrograms(self._build, self._source.parents[1], self._lock, self._unpacked)
        module, probe, runner = programs.module(), programs.probe(), programs.runner()

        def work(_step: BuildStep) -> None:
            archive = self._contents.packed(
                {"usr/bin/vtpm-probe": probe.read_bytes(), "usr/bin/hil-runner": runner.read_bytes()},
                {"vtpm.ko": module.read_bytes()},
            )
            (self._build.path / "host.cpio").write_bytes(archive.cpio())

        inputs = [*self._contents.inputs(), module, probe, runner]
        self._build.step("initramfs", "Packing the host's initramfs", inputs, ["host.cpio"], work)

    def _initrd(self) -> str:
        """Append guests, keys and build id of this tree to the initramfs: the kernel unpacks concatenated archives."""
        keys = SshKeys.from_directory(self._build.path / "keys")
        common = self._build.path / "host.cpio"
        guests = GuestFiles(self._build, self._source.parents[1], self._lock, self._unpacked, self._agent)
        inputs = [common, *guests.make(), *keys.paths]
        identity = build_id(inputs)

        def work(_step: BuildStep) -> None:
            own = Initramfs()
            own.directory("root", 0o700)
            own.directory("root/.ssh", 0o700)
            own.file("root/.ssh/authorized_keys", keys.authorized(), 0o600)
            own.directory("etc/dropbear", 0o700)
            own.file("etc/dropbear/host_key", keys.dropbear_host_key(), 0o600)
            own.file("etc/build", f"{identity}\n".encode())
            guests.add_to(own)
            (self._build.path / "initrd").write_bytes(common.read_bytes() + own.cpio())

        self._build.step("initrd", "Adding guests and the SSH keys of this build", inputs, ["initrd"], work)
        return identity

    def _device_tree(self, machine: EmulatedMachine) -> None:
        """Let QEMU say what the machine has, and tell the kernel its arguments and its initramfs."""
        initrd = self._build.path / "initrd"
        size = initrd.stat().st_size
        flash = self._build.path / "flash.bin"  # a machine with firmware has other devices than one without

        def work(step: BuildStep) -> None:
            raw = self._build.path / "machine.dtb"
            model = f"{machine.model},dumpdtb={option_value(raw)}"
            step.run(machine.program, "-M", model, *machine.arguments, "-display", "none", "-bios", flash)
            for node in ("/chosen", "/secure-chosen"):
                step.run("fdtput", "-d", raw, node, *_SEEDS)
            step.run("fdtput", "-t", "s", raw, "/chosen", "bootargs", machine.bootargs)
            start = machine.initrd_address
            for name, address in (("linux,initrd-start", start), ("linux,initrd-end", start + size)):
                step.run("fdtput", "-t", "x", raw, "/chosen", name, f"{address >> 32:x}", f"{address & 0xFFFFFFFF:x}")
            step.run("dtc", "-q", "-I", "dtb", "-O", "dtb", "-o", self._build.path / "host.dtb", raw)
            raw.unlink()

        self._build.step(
            "device-tree",
            "Making the host's device tree",
            [version(machine.program), repr(machine), str(size)],
            ["host.dtb"],
            work,
        )

    def _devicetree_of_the_kernel(self, path: str) -> None:
        """Take the device tree out of the kernel's package."""
        kernel = self._lock.kernel

        def work(step: BuildStep) -> None:
            (trees,) = (self._unpacked[kernel.package] / "usr" / "lib").glob("linux-image-*")
            step.run("cp", trees / path, self._build.path / "host.dtb")

        self._build.step("device-tree", "Unpacking the host's device tree", [kernel.key, path], ["host.dtb"], work)
