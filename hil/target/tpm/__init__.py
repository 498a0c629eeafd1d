"""TPM 2.0 commands over anything that carries bytes to a TPM and back."""

from __future__ import annotations

from hil.target.tpm.esapi import QueueEsapi
from hil.target.tpm.key import Key
from hil.target.tpm.quote import Quote, QuoteError
from hil.target.tpm.tcti import QueueTcti, Transport
from hil.target.tpm.tpm import Tpm

__all__ = ["Key", "QueueEsapi", "QueueTcti", "Quote", "QuoteError", "Tpm", "Transport"]
