"""Requests to a monitor or a VMM in words; `firmware/monitor` and `firmware/linux/vmm` define them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.target.monitor.runner import agent_in_words
from hil.target.words.smc import number, status_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_REQUESTS = {
    "ping": ("ask whether it answers", ""),
    "create": ("create a VM (ram={}, vcpus={}, vmid={})", "VM {}, VMID {}, stage2_base={}, ram_ipa={}, ram_pa={}"),
    "map": ("map in stage 2 of VM {} (ipa={}, pa={}, length={}, attributes={})", ""),
    "unmap": ("unmap in stage 2 of VM {} (ipa={}, length={})", ""),
    "trap": ("trap the SMCs of VM {}: {}", ""),
    "cacheable": ("set HCR_EL2.DC for VM {}: {}", ""),
    "counters": ("count the traps of VM {}", "{} traps, {} SMCs"),
    "classes": ("count the traps of VM {} by exception class", ""),
    "online": ("list the CPUs that are on", ""),
    "off": ("switch off CPU {}", "PSCI: {}"),
    "on": ("turn on CPU {}", "PSCI: {}, online: {}"),
    "boot": ("boot Linux in VM {} (kernel={}, initrd={})", ""),
    "destroy": ("destroy VM {}", ""),
    "stop": ("stop the guest in VM {}", ""),
    "listen": ("read the console of VM {}", ""),
    "type": ("write to the console of VM {}", ""),
    "start": ("start a program on {}", ""),
    "run": ("run a program on {}", ""),
    "wait": ("wait for the program on {}", ""),
}
"""What each request asks for, and what its answer consists of. All numbers are hexadecimal on the line."""
_CHOSEN = {"boot": (0, 1, 3), "listen": (0,), "type": (0,), "start": (0,), "run": (0,), "wait": (0,)}
"""Which words of a request are told, where not all are."""
_OF_AGENTS = {"start", "run", "wait"}
_STATUS_FIRST = "vtpm-"
"""How the requests to a VMM begin whose answer is a status and numbers."""
_DATA = "vtpm-queue"


def request_in_words(text: str) -> str:
    """Return what a request asks for."""
    verb, *words = text.split(" ")
    template, _ = _REQUESTS.get(verb, ("", ""))
    if not template:
        return " ".join([verb, *(f"{_number(word)}" for word in words)])
    chosen = [words[index] for index in _CHOSEN.get(verb, range(len(words))) if index < len(words)]
    told = [agent_in_words(chosen[0])] if verb in _OF_AGENTS and chosen else [_number(word) for word in chosen]
    return _filled(template, told)


def answer_in_words(text: str, answer: str) -> tuple[str, bool]:
    """Return the answer to a request, and whether it is that of a request that was carried out."""
    verb = text.partition(" ")[0]
    words = answer.split()
    if verb.startswith(_STATUS_FIRST) and verb != _DATA and words:
        values = " ".join(_number(word) for word in words[1:])
        code = int(words[0], 16)
        return (f"OK {values}".strip(), True) if code == 0 else (status_in_words(code), False)
    template = _REQUESTS.get(verb, ("", ""))[1]
    if template:
        return _filled(template, [_number(word) for word in words]), True
    if verb == "classes":
        pairs = zip(words[::2], words[1::2], strict=False)
        return ", ".join(f"{int(name, 16):#x}: {int(count, 16)}" for name, count in pairs), True
    return "", True


def _filled(template: str, words: Sequence[str]) -> str:
    holes = template.count("{}")
    return template.format(*words[:holes], *("?" * (holes - len(words))))


def _number(word: str) -> str:
    try:
        return number(int(word, 16))
    except ValueError:
        return word
