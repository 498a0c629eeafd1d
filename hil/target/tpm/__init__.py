"""TPM 2.0 commands over any transport that carries bytes to a TPM and back.

`commands` and `Transport` have no dependencies. All other names need tpm2-pytss, the extra `hil[tpm]`, and are imported
on first use, so that a suite that sends raw commands runs without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hil.extras import explained
from hil.target.tpm import commands
from hil.target.tpm.transport import Transport

if TYPE_CHECKING:
    from hil.target.tpm.esapi import QueueEsapi
    from hil.target.tpm.key import Key, KeyKind, attestation_template, signing_template, storage_template
    from hil.target.tpm.quote import Quote, QuoteError, check_signature
    from hil.target.tpm.tcti import QueueTcti
    from hil.target.tpm.tpm import Tpm

__all__ = [
    "Key",
    "KeyKind",
    "QueueEsapi",
    "QueueTcti",
    "Quote",
    "QuoteError",
    "Tpm",
    "Transport",
    "attestation_template",
    "check_signature",
    "commands",
    "signing_template",
    "storage_template",
]

_MODULES = {
    "esapi": ("QueueEsapi",),
    "key": ("Key", "KeyKind", "attestation_template", "signing_template", "storage_template"),
    "quote": ("Quote", "QuoteError", "check_signature"),
    "tcti": ("QueueTcti",),
    "tpm": ("Tpm",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name that needs tpm2-pytss. Raises `MissingTool` if that is not installed."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if missing := explained(error):
            raise missing from error
        raise
