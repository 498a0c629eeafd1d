"""Probes of a board that answers: the service, an instance, a TPM command. Each returns what it saw, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.errors import FirmwareError
from hil.target.vtpm import ManagedQueue, Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.linux import Machine
    from hil.target.monitor import VirtualMachine
    from hil.target.tpm import Transport
    from hil.target.vtpm import Instance

_READY = re.compile(r"(?P<windows>\d+) windows, entropy (?P<entropy>.*?), secure space (?P<space>\w+)")
_RANDOM_BYTES = 16
_DEVICE = "/dev/vtpm"
_FIND_DEVICE = f"ls {_DEVICE} 2>/dev/null || {{ insmod /lib/modules/vtpm.ko 2>&1; false; }}"
_MODULE_HINTS = (
    ("No such device", "the module finds no service: is this BL31 ours, and does PSCI go by SMC in the device tree?"),
    ("No such file", "the module is not in the initramfs: hil build; hil flash"),
    ("nvalid module format", "the module is for another kernel: hil build; docs/linux.md"),
)


class SelfCheckFailed(FirmwareError):
    """The service's banner contradicts the board file."""


def self_check(announced: str, features: Mapping[str, str]) -> str:
    """Check the banner of the service against the board's features."""
    found = _READY.search(announced)
    if found is None:
        raise SelfCheckFailed(f"the banner of the service is incomplete: {announced!r}")
    if int(found["windows"]) == 0:
        raise SelfCheckFailed("there is no window of secure memory for an instance", hint="the pool's addresses")
    if found["entropy"] == "none":
        raise SelfCheckFailed(
            "there is no source of entropy: no instance can be created",
            hint="a processor with FEAT_RNG, or a TRNG driver",
        )
    promised = features.get("secure_space", found["space"])
    if promised != found["space"]:
        raise SelfCheckFailed(
            f"secure space is {found['space']}, and the board file says {promised}",
            hint="the right image for this board, or `secure_space` in its file",
        )
    return found[0]


def version(service: Service) -> str:
    """Ask the service for its version and its limits."""
    answer, limits = service.version(), service.limits()
    if limits.instances == 0 or limits.pool_free == 0:
        raise FirmwareError(f"the service has no room for an instance: {limits}")
    return f"{answer.major}.{answer.minor}, {limits.instances} instances, {limits.pool_free >> 10} KiB free"


def tpm_through_guest(vm: VirtualMachine, made: Instance) -> str:
    """Map the queue of an instance into its VM, and send its TPM the first commands from there."""
    return first_commands(ManagedQueue.attach(made, vm))


def device(host: Machine) -> str:
    """Look for the device file of the service. Raises `FirmwareError` with what the kernel says if it is missing."""
    done = host.run(_FIND_DEVICE, check=False)
    said: str = done.text
    if done.status == 0:
        return said
    hint = next((hint for words, hint in _MODULE_HINTS if words in said), "")
    raise FirmwareError(f"there is no {_DEVICE}: {said or 'its module was not loaded'}", hint=hint)


def tpm_through_host(host: Machine) -> str:
    """Create an instance through /dev/vtpm, and send its TPM the first commands."""
    from hil.linux.device import DeviceUser

    with DeviceUser(host) as user:
        return first_commands(user.open().create())


def first_commands(transport: Transport) -> str:
    """Start the TPM and request two random numbers, which must differ."""
    from hil.target.tpm import Tpm  # needs an extra, and every other step of a bring-up does without

    with Tpm(transport) as tpm:
        tpm.startup()
        first, second = tpm.random(_RANDOM_BYTES), tpm.random(_RANDOM_BYTES)
    if first == second or not any(first):
        raise FirmwareError(f"TPM2_GetRandom gave {first.hex()} and then {second.hex()}")
    return f"random {first.hex()}"
