"""VMs with our agents as tests see them, with a script on this machine for the VMM."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hil.errors import UsageError
from hil.linux import GuestEnded
from hil.linux.agents import KvmHypervisor
from hil.target.monitor import MonitorRefused
from hil.target.monitor import abi as agent_abi
from hil.target.vtpm import ServiceError, Status, abi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.linux import Machine

# Says what it was started with in a file, answers as the table says, and ends when asked for what is not in it.
VMM = """#!{python}
import pathlib, sys, zlib
pathlib.Path({arguments!r}).write_text(" ".join(sys.argv[1:]))
for line in sys.stdin:
    sequence, request = line[1:].rpartition(" *")[0].split(" ", 1)
    body = sequence + " " + {answers!r}[request]
    print(f"={{body}} *{{zlib.crc32(body.encode()):08x}}", flush=True)
"""
MakeHypervisor = Callable[[dict[str, str]], KvmHypervisor]
PING = {"ping": f"ok {agent_abi.AGENT_ABI_VERSION:x}"}
NO_SPACE = f"{abi.VTPM_E_NO_SPACE & (1 << 64) - 1:x}"


@pytest.fixture
def hypervisor(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeHypervisor]:
    """Return a host whose VMMs answer these requests like this."""
    made: list[KvmHypervisor] = []

    def make(answers: dict[str, str]) -> KvmHypervisor:
        programs = tmp_path / "bin"
        programs.mkdir()
        vmm = programs / "vmm"
        vmm.write_text(VMM.format(python=sys.executable, arguments=str(tmp_path / "arguments"), answers=answers))
        vmm.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        made.append(KvmHypervisor(machine))
        return made[-1]

    yield make
    for each in made:
        with each:
            pass


def test_a_vm_gets_at_least_the_memory_and_the_processors_it_asked_for(
    hypervisor: MakeHypervisor, tmp_path: Path
) -> None:
    vm = hypervisor(PING).create_vm(ram_bytes=(100 << 20) + 1, vcpus=3)
    assert vm.ram_bytes == 101 << 20
    assert (tmp_path / "arguments").read_text() == "--agent /guest/agent --memory 101 --cpus 3"


def test_what_the_service_refuses_is_said_by_its_name(
    hypervisor: MakeHypervisor,
) -> None:
    kvm = hypervisor(PING | {"vtpm-create 3 2 1 80300000": f"ok {NO_SPACE}"})
    vm = kvm.create_vm()
    with pytest.raises(ServiceError) as refusal:
        kvm.create_vtpm(vm, profile=1, slots=2, index=3)
    assert refusal.value.status is Status.NO_SPACE


def test_what_the_vmm_refuses_is_the_caller_s_mistake(
    hypervisor: MakeHypervisor,
) -> None:
    vm = hypervisor(PING | {"wait 1.0": "err idle: nothing was started"}).create_vm()
    with pytest.raises(MonitorRefused, match=r"the VMM refused `wait 1\.0`: idle"):
        vm.ask("wait 1.0")


def test_a_vmm_of_another_build_is_refused(hypervisor: MakeHypervisor) -> None:
    kvm = hypervisor({"ping": "ok ffff"})
    with pytest.raises(UsageError, match="ABI version of the VMM is ffff"):
        kvm.create_vm()


def test_a_vmm_that_ends_is_the_end_of_its_vm(hypervisor: MakeHypervisor) -> None:
    vm = hypervisor(PING).create_vm()
    with pytest.raises(GuestEnded):
        vm.agent().smc(0)
    with pytest.raises(GuestEnded):
        vm.agent().smc(0)
