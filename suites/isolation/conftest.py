"""What several of these suites start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.tpm import commands
from hil.vtpm import GuestQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.plugin.fixtures import MakeVtpm
    from hil.vtpm import Vm


@pytest.fixture
def shared(make_vm: Callable[..., Vm], make_vtpm: MakeVtpm) -> tuple[GuestQueue, GuestQueue]:
    """The queue of one instance as two vCPUs of one VM see it; the TPM is started."""
    vm = make_vm(vcpus=2)
    first = make_vtpm(vm)
    assert commands.submit(first, commands.startup()).code == commands.SUCCESS
    return first, GuestQueue.map(first.instance, vm, vcpu=1)
