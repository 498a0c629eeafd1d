"""What a command imports and starts, in counts: times say little on a machine that is in use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hil.paths import HIL

ROOT = Path(__file__).parents[2]

AUDIT = """\
import os
import sys

NOTES = os.environ.pop("HIL_TEST_NOTES", "")


def note(event, arguments):
    if event == "subprocess.Popen":
        with open(NOTES, "a") as notes:
            print(arguments[1] if isinstance(arguments[1], str) else " ".join(map(str, arguments[1])), file=notes)


if NOTES:
    sys.addaudithook(note)
"""
"""A `sitecustomize.py` that notes which programs the first process starts."""
SUITE = """\
import json
import os
import sys
from pathlib import Path

from hil.deadline import Deadline


def test_a_fork_answers(monitor):
    monitor.wait_ready(Deadline.after(5))


def teardown_module():
    Path(os.environ["HIL_TEST_MODULES"]).write_text(json.dumps(sorted(sys.modules)))
"""
UNUSED = {"paramiko", "grpc", "labgrid.driver.sigrokdriver", "requests", "hypothesis", "anyio"}
"""What a run on an emulated board without SSH has no use for."""
PROGRAMS = 12
"""How many programs a run of one test may start: the compiler's version, git, the emulator's version, the emulator."""


def test_the_version_is_printed_without_pytest_and_labgrid() -> None:
    script = "import sys; sys.argv[1:] = ['--version']\nfrom hil.cli import main\ntry: main()\n"
    script += "except SystemExit: print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    version, modules = done.stdout.splitlines()
    assert version.startswith("hil ")
    assert not {"labgrid", "paramiko", "pytest", "jinja2", "junitparser", "grpc", "elftools"} & {*modules.split()}


@pytest.mark.emulator
def test_a_run_of_one_test_imports_and_starts_only_what_it_uses(tmp_path: Path) -> None:
    suite = tmp_path / "test_one.py"
    suite.write_text(SUITE, encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text(AUDIT, encoding="utf-8")
    command = [*HIL, "run", "--board", "qemu-virt", "--hil-reports", str(tmp_path / "reports"), str(suite)]
    notes, imported = tmp_path / "notes", tmp_path / "modules"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "HIL_TEST_MODULES": str(imported)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)  # which may have to build and boot
    environment["HIL_TEST_NOTES"] = str(notes)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(UNUSED & {*json.loads(imported.read_text())}) == []
    started = notes.read_text().splitlines()
    assert len([command for command in started if " -S " in command]) == 1, started
    assert len(started) <= PROGRAMS, started
