"""What our queue is compared with: QEMU runs the same guest, whose TPM is swtpm's behind the registers of TCG's TIS."""

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
"""On the host; its own libraries stay as they are."""
INSTALL_SECONDS = 300.0
GUEST_INITRD = f"{DIRECTORY}/initrd"
_MEMORY = "192"
"""MiB, as guests of the VMM have."""
_PID_FILE = f"{DIRECTORY}/qemu.pid"
_SOCKET = f"{DIRECTORY}/swtpm.socket"
_STATE = f"{DIRECTORY}/swtpm"
_LIBRARIES = ":".join(
    f"{DIRECTORY}/{path}"
    for path in ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu/swtpm")
)


def install(host: Machine, images: BenchImages) -> None:
    """Put the rival on a host, and make the initramfs that all guests of the bench have."""
    deadline = Deadline.after(INSTALL_SECONDS)
    host.run(["mkdir", "-p", _STATE])
    for image in (images.host, images.guest):
        host.put(image, f"{DIRECTORY}/{image.name}", deadline=deadline)
    host.run(
        f"cd {DIRECTORY} && zcat {images.host.name} | busybox cpio -id && rm {images.host.name}"
        f" && cat {INITRD} {images.guest.name} >{GUEST_INITRD}",
        deadline=deadline,
    )


class RivalGuest(CommandLoop):
    """A guest of QEMU that was started, and its own swtpm."""

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
        """QEMU's process on the host; asked for once the guest is up."""
        return int(self._host.run(["cat", _PID_FILE]).text)


def _installed(words: list[str]) -> str:
    """Return the line that runs an installed program with the libraries that came with it."""
    program, *arguments = words
    loader = [f"{DIRECTORY}/lib/ld-linux-aarch64.so.1", "--library-path", _LIBRARIES]
    return shlex.join([*loader, f"{DIRECTORY}/usr/bin/{program}", *arguments])
