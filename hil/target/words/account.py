"""Actions in words: what was done, where, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from hil.account import (
    Action,
    MachineCommand,
    Mapping,
    MemoryAccess,
    MonitorRequest,
    ProgramRun,
    ServiceCall,
    TpmCommand,
)
from hil.target.monitor.runner import agent_in_words
from hil.target.words import requests, smc, tpm

MOST_CHARACTERS = 300
"""How long what was done, and an answer, may be each."""


@dataclass(frozen=True, slots=True)
class Words:
    """An action in words. `kind` is one word; `where` is what did it; `ok` is false where the answer is a refusal."""

    kind: str
    where: str
    what: str
    answer: str
    ok: bool


def in_words(action: Action) -> Words:
    """Return an action in words, without anything that a line of text cannot hold."""
    words = _words(action)
    answer = action.error or words.answer
    return Words(words.kind, words.where, _cut(words.what), _cut(answer), words.ok and not action.error)


@singledispatch
def _words(action: Action) -> Words:
    return Words("action", "", type(action).__name__, "", ok=True)


@_words.register
def _(action: ServiceCall) -> Words:
    call = smc.call_in_words(action.fid, action.arguments, action.registers)
    return Words("call", agent_in_words(action.agent), call.what, call.answer, call.ok)


@_words.register
def _(action: TpmCommand) -> Words:
    command = tpm.read_command(action.command)
    what, where = f"{command.name}({command})", agent_in_words(action.way)
    if not action.response:
        return Words("tpm", where, what, "", ok=True)
    response = tpm.read_response(action.response, command.code)
    return Words("tpm", where, what, " ".join(filter(None, (response.name, str(response)))), ok=response.code == 0)


@_words.register
def _(action: MemoryAccess) -> Words:
    where = agent_in_words(action.agent)
    if action.verb == "write":
        return Words("memory", where, f"write at {action.address:#x}: {tpm.shown(action.data)}", "", ok=True)
    what = f"{action.verb} {action.length} bytes at {action.address:#x}"
    return Words("memory", where, what, tpm.shown(action.data) if action.data else "", ok=True)


@_words.register
def _(action: Mapping) -> Words:
    where = agent_in_words(action.agent)
    if action.ipa is None:
        return Words("memory", where, f"unmap in stage 1 (va={action.va:#x}, length={action.length:#x})", "", ok=True)
    what = f"map in stage 1 (va={action.va:#x}, ipa={action.ipa:#x}, length={action.length:#x})"
    return Words("memory", where, what, "", ok=True)


@_words.register
def _(action: ProgramRun) -> Words:
    answer = f"fault: {action.fault}; {action.ended}" if action.fault else action.ended
    where = agent_in_words(action.agent)
    return Words("program", where, f"program of {action.instructions} instructions", answer, ok=not action.fault)


@_words.register
def _(action: MonitorRequest) -> Words:
    answer, ok = requests.answer_in_words(action.text, action.answer)
    return Words("monitor", "", requests.request_in_words(action.text), answer, ok=ok)


@_words.register
def _(action: MachineCommand) -> Words:
    status = [f"status {action.status}"] if action.status else []
    said = (action.stdout or action.stderr).decode(errors="replace").strip()
    return Words("command", action.machine, action.line, ": ".join([*status, *([said] if said else [])]), ok=not status)


def _cut(text: str) -> str:
    text = text.replace("\r", "").replace("\n", " ⏎ ")
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… ({len(text)} characters)"
