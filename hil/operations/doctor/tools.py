"""The programs that the build, the emulator and the tests run, and the Debian packages that have them."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field

from hil.tools import ask_tool

VERSION_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class RequiredTool:
    """A program or a file of a Debian package. `machines` are board models that an emulator must know.

    `backports`: Debian 12 itself has too old a version.
    """

    package: str
    why: str
    program: str = ""
    file: str = ""
    minimum: tuple[int, ...] = ()
    machines: tuple[str, ...] = ()
    backports: bool = False

    @property
    def wanted(self) -> str:
        """The requirement in words."""
        version = ".".join(map(str, self.minimum))
        return f"{self.program or self.file}{f' {version} or later' if version else ''}: {self.why}"

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        if self.backports:
            return f"hil doctor --fix, or apt-get install -t <suite>-backports {self.package}"
        return f"apt-get install {self.package}"


@dataclass(frozen=True, slots=True)
class Found:
    """What is on this machine: a version, or what is missing."""

    version: str = ""
    lacks: str = field(default="")


TOOLS = {
    "emulator": RequiredTool(
        "qemu-system-arm",
        "runs boards",
        "qemu-system-aarch64",
        minimum=(10,),
        machines=("virt", "raspi4b"),
        backports=True,
    ),
    "user emulator": RequiredTool(
        "qemu-user", "runs the TPM engine alone", "qemu-aarch64", minimum=(10,), backports=True
    ),
    "cross compiler": RequiredTool("gcc-aarch64-linux-gnu", "builds firmware", "aarch64-linux-gnu-gcc", minimum=(12,)),
    "cross C library": RequiredTool(
        "libc6-dev-arm64-cross", "runs the TPM engine alone", file="/usr/aarch64-linux-gnu/lib/libc.a"
    ),
    "picolibc": RequiredTool(
        "picolibc-aarch64-linux-gnu",
        "C headers without an operating system",
        file="/usr/lib/picolibc/aarch64-linux-gnu",
    ),
    "compiler": RequiredTool("gcc", "builds tools and host tests", "gcc"),
    "C library": RequiredTool("libc6-dev", "builds tools and host tests", file="/usr/include/stdio.h"),
    "make": RequiredTool("make", "builds", "make"),
    "perl": RequiredTool("perl", "configures OpenSSL", "perl"),
    "patch": RequiredTool("patch", "unpacks Debian sources", "patch"),
    "xz": RequiredTool("xz-utils", "unpacks Debian sources", "xz"),
    "dpkg-source": RequiredTool("dpkg-dev", "unpacks Debian sources", "dpkg-source"),
    "OpenSSL headers": RequiredTool("libssl-dev", "builds TF-A's fiptool", file="/usr/include/openssl/sha.h"),
    "mtools": RequiredTool("mtools", "makes SD cards, copies files to a Juno", "mcopy"),
    "device tree compiler": RequiredTool("device-tree-compiler", "builds device trees", "dtc"),
    "TSS": RequiredTool("libtss2-dev", "TPM commands in suites", file="/usr/include/tss2/tss2_esys.h"),
    "software TPM": RequiredTool("swtpm", "a TPM to compare with, in tests of the framework", "swtpm"),
    "TPM tools": RequiredTool("tpm2-tools", "hil tpm shell, and tests of it", "tpm2_getrandom"),
    "fuzzing compiler": RequiredTool("clang-14", "fuzzes the service core", "clang-14"),
    "fuzzing runtime": RequiredTool("libclang-rt-14-dev", "fuzzes the service core", file="/usr/lib/llvm-14/lib/clang"),
    "C formatter": RequiredTool("clang-format-14", "make lint", "clang-format-14"),
    "C checker": RequiredTool("cppcheck", "make lint", "cppcheck"),
    "spelling checker": RequiredTool("aspell", "make lint", "aspell"),
    "dictionary": RequiredTool("aspell-en", "make lint", file="/usr/lib/aspell/en_GB-ise.multi"),
    "browser": RequiredTool(
        "chromium-headless-shell", "tests of the pages that people look at", "chromium-headless-shell"
    ),
    "serial server": RequiredTool(
        "ser2net", "labgrid's exporter serves serial ports with it", file="/usr/sbin/ser2net"
    ),
    "XML reader": RequiredTool("libxml2-utils", "reads reports as CI servers do, in tests", "xmllint"),
    "zstd": RequiredTool("zstd", "unpacks images of cards", "zstd"),
    "SSH server": RequiredTool("openssh-server", "tests of labs behind SSH", file="/usr/sbin/sshd"),
    "simulated USB": RequiredTool("umockdev", "tests of USB devices at exporters", "umockdev-run"),
    "SSH client": RequiredTool("openssh-client", "labs behind SSH, and labgrid's exporters", "ssh"),
    "Telnet": RequiredTool("inetutils-telnet", "power switches that speak Telnet", "telnet"),
}

ON_REQUEST = {
    "debugger": {
        "debugger": RequiredTool("gdb-multiarch", "hil debug, hil run --gdb", "gdb-multiarch"),
        "probe server": RequiredTool("openocd", "hil debug on boards with a debug probe", "openocd"),
    }
}
"""What only some need, by the name that `hil doctor --with` takes."""


def inspect(tool: RequiredTool) -> Found:
    """Look for a tool, its version and its machines."""
    from pathlib import Path

    if tool.file:
        return Found(version="there") if Path(tool.file).exists() else Found(lacks="not installed")
    if shutil.which(tool.program) is None:
        return Found(lacks="not installed")
    if not tool.minimum:
        return Found(version="there")
    version = _version(tool.program)
    number = tuple(int(part) for part in version.split("."))
    if number < tool.minimum:
        return Found(lacks=f"version {version or 'unknown'}")
    if missing := [machine for machine in tool.machines if machine not in _machines(tool.program)]:
        return Found(lacks=f"version {version} without machine {', '.join(missing)}")
    return Found(version=version)


def _version(program: str) -> str:
    first = _output(program, "--version").partition("\n")[0]
    match = re.search(r"\d+(\.\d+)+", re.sub(r"\([^)]*\)", "", first))
    return match[0] if match else "0"


def _machines(program: str) -> set[str]:
    return {line.split()[0] for line in _output(program, "-machine", "help").splitlines() if line.strip()}


def _output(*command: str) -> str:
    return ask_tool(command, seconds=VERSION_SECONDS) or ""
