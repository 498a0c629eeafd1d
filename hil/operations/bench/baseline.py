"""The baseline for our queue: the same guest in QEMU, with swtpm behind the registers of TCG's TIS as its TPM."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.linux.commandloop import CommandLoop
from hil.linux.guest import ARGUMENTS, INITRD, KERNEL

if TYPE_CHECKING:
    from hil.firmware.bench import BenchImages
    from hil.linux import Machine

DIRECTORY = "/tmp/hil-bench"
"""The directory on the host. The host's own libraries stay as they are."""
INSTALL_SECONDS = 300.0
GUEST_INITRD = f"{DIRECTORY}/initrd"
_MEMORY = "192"
"""In MiB, the same as for guests of our VMM."""
_PID_FILE = f"{DIRECTORY}/qemu.pid"
_SOCKET = f"{DIRECTORY}/swtpm.socket"
_STATE = f"{DIRECTORY}/swtpm"
_LIBRARIES = ":".join(
    f"{DIRECTORY}/{path}"
    for path in ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu/swtpm")
)


def install(host: Machine, images: BenchImages) -> None:
    """Install QEMU and swtpm on a host, and make the initramfs for all guests of the bench."""
    deadline = Deadline.after(INSTALL_SECONDS)
    host.run(["mkdir", "-p", _STATE])
    for image in (images.host, images.guest):
        host.put(image, f"{DIRECTORY}/{image.name}", deadline=deadline)
    host.run(
        f"cd {DIRECTORY} && zcat {images.host.name} | busybox cpio -id && rm {images.host.name}"
        f" && cat {INITRD} {images.guest.name} >{GUEST_INITRD}",
        deadline=deadline,
    )


class BaselineGuest(CommandLoop):
    """A guest of QEMU with its own swtpm, started on construction."""

    def __init__(self, host: Machine) -> None:
        swtpm = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={_STATE}", "--ctrl", f"type=unixio,path={_SOCKET}"]
        host.run(_installed([*swtpm, "--daemon"]))  # it returns once it listens
        words = ["qemu-system-aarch64", "-M", "virt,gic-version=host,its=off", "-accel", "kvm", "-cpu", "host"]
        words += ["-m", _MEMORY, "-nodefaults", "-display", "none", "-pidfile", _PID_FILE]
        words += ["-kernel", KERNEL, "-initrd", GUEST_INITRD, "-append", ARGUMENTS]
        words += ["-chardev", f"socket,id=swtpm,path={_SOCKET}", "-tpmdev", "emulator,id=tpm,chardev=swtpm"]
        words += ["-device", "tpm-tis-device,tpmdev=tpm"]
        # One port, so that hvc0 is there as soon as the device is: guests do not wait for it.
        words += ["-device", "virtio-serial-device,max_ports=1", "-device", "virtconsole,chardev=console"]
        words += ["-chardev", "stdio,id=console,signal=off", "-serial", "file:/dev/stderr"]
        super().__init__(f"a guest of QEMU on {host}", host.start(f"exec {_installed(words)}"))
        self._host = host

    @property
    def pid(self) -> int:
        """The id of QEMU's process on the host, known once the guest is up."""
        return int(self._host.run(["cat", _PID_FILE]).text)


def _installed(words: list[str]) -> str:
    """Return the command line that runs an installed program with its own libraries."""
    program, *arguments = words
    loader = [f"{DIRECTORY}/lib/ld-linux-aarch64.so.1", "--library-path", _LIBRARIES]
    return shlex.join([*loader, f"{DIRECTORY}/usr/bin/{program}", *arguments])
