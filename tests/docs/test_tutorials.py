"""Every command of the two tutorials does what its page says, one after the other, as its reader would type them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pytest

from hil.board.file.check import problems
from hil.record import load
from tests.docs.blocks import ROOT, SHELL, TUTORIALS, blocks_of
from tests.docs.copied import copy_tree

FIRST, UBOOT = TUTORIALS
SECONDS = 300
SETUP = ("Makefile", "bootstrap.sh", "requirements.lock", "hil")
SUITES = {"boot", "service"}
"""The suites in the tree of the first tutorial: with all of them, its first command takes minutes."""
LEAVE = "\x1d"
INSTALL = "sudo apt-get install u-boot-qemu\n"
PACKAGE = ("u-boot-qemu", "usr/lib/u-boot/qemu_arm64/u-boot.bin")


class Reader:
    """Somebody who does what a page says, in a directory of their own."""

    def __init__(self, page: Path, directory: Path) -> None:
        self.left = [block for block in blocks_of(page) if block.language == SHELL or block.file]
        self.directory = directory
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            "TERM": "dumb",
        }

    def saves(self, changed: str = "") -> Path:
        """Save the next block as the file that it is, or `changed` in its place."""
        block = self.left.pop(0)
        assert block.file, f"{block.place} is no file"
        file = self.directory / block.file
        file.parent.mkdir(exist_ok=True)
        file.write_text(changed or block.text, encoding="utf-8")
        return file

    def reads(self) -> str:
        """Return the commands of the next block."""
        block = self.left.pop(0)
        assert not block.file, f"{block.place} is no command"
        return block.text

    def types(self, commands: str, code: int = 0) -> str:
        """Type commands; return what they print. The directory that they end in is that of the next ones."""
        done = subprocess.run(
            ["sh", "-ec", f"{commands}\necho; pwd"],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{commands}\n{done.stdout}"
        if not code:
            self.directory = Path(done.stdout.splitlines()[-1])
        return done.stdout

    def at_a_terminal(self, command: str) -> pexpect.spawn:
        """Type a command that goes on for as long as its user does."""
        name, *arguments = command.split()
        return pexpect.spawn(
            name,
            arguments,
            cwd=self.directory,
            env=self.environment,
            timeout=SECONDS,
            dimensions=(30, 120),
            encoding="utf-8",
        )

    def outcomes(self) -> list[str]:
        """Return what became of the tests of the latest run."""
        return [case.outcome.value for case in load(self.directory / "reports" / "latest").cases]


@pytest.mark.emulator
def test_from_a_clone_to_a_test_of_ones_own(tmp_path: Path) -> None:
    subprocess.run([ROOT / "bootstrap.sh"], check=True)  # so that that of the copy has no work: its Python is the same
    copy_tree(tmp_path, *SETUP)
    for suite in (tmp_path / "suites").iterdir():
        if suite.is_dir() and suite.name not in SUITES:
            shutil.rmtree(suite)
    reader = Reader(FIRST, tmp_path)

    said = reader.types(reader.reads())
    assert re.search(r"^board qemu-virt, firmware \w{12}: passed \(exit code 0\); record in reports/\S+$", said, re.M)
    latest = tmp_path / "reports" / "latest"
    assert (latest / "report.html").is_file()
    assert "vTPM: service" in (latest / "qemu-virt" / "firmware.log").read_text()
    reader.types(reader.reads())

    console = reader.at_a_terminal(reader.reads())
    console.expect_exact("monitor: ready")
    console.send("smc c3000000\r")
    console.expect(r"x0=0*10000\b.*x1=")
    console.send(LEAVE)
    console.expect_exact("qemu-virt is off")
    console.expect(pexpect.EOF)

    assert "suites/mine" in reader.types(reader.reads())
    assert reader.outcomes() == ["passed"] * 5  # one of the four has two parameters
    test = reader.saves()
    reader.types(run := reader.reads())
    assert reader.outcomes() == ["passed"]
    text = test.read_text()
    test.write_text(text.replace("    vtpm.instance.reset()\n", ""))
    said = reader.types(run, code=1)
    assert re.search(r"TPM2_PCR_Extend\(pcrHandle=PCR 7.* -> SUCCESS", said)
    assert "  at stage monitor" in said
    assert "<failure" in (latest / "junit.xml").read_text()
    assert not reader.left


@pytest.mark.emulator
def test_a_board_that_boots_uboot(tmp_path: Path) -> None:
    """U-Boot comes from the same package, without installing it."""
    reader = Reader(UBOOT, tmp_path)
    commands = reader.reads()
    assert INSTALL in commands
    reader.types(commands.replace(INSTALL, ""))
    reader.types(f"hil firmware fetch {' '.join(PACKAGE)}")
    image = tmp_path / "my-tests" / "firmware" / Path(PACKAGE[1]).name
    installed = f"/{PACKAGE[1]}"
    commands = reader.reads()
    assert installed in commands
    said = reader.types(commands.replace(installed, str(image)))
    assert "uboot: use" in said

    file = reader.directory / "boards" / "my-board.yaml"
    emulated = file.read_text()
    file.unlink()
    reader.types(reader.reads())
    assert not [*problems(file)]
    assert "/dev/ttyUSB0" in file.read_text()
    file.write_text(emulated)

    reader.saves()
    reader.types(reader.reads())
    assert reader.outcomes() == ["passed"] * 2
    assert not reader.left
