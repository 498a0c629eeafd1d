"""TPM 2.0 commands over anything that carries bytes to a TPM and back."""

from __future__ import annotations

from hil.tpm.esapi import QueueEsapi
from hil.tpm.key import Key
from hil.tpm.quote import Quote, QuoteError
from hil.tpm.tcti import QueueTcti, Transport
from hil.tpm.tpm import Tpm

__all__ = ["Key", "QueueEsapi", "QueueTcti", "Quote", "QuoteError", "Tpm", "Transport"]
