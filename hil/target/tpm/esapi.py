"""tpm2-pytss's ESAPI over a queue, with honest errors."""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any

from tpm2_pytss import ESAPI, TSS2_Exception

from hil.target.tpm.tcti import QueueTcti

if TYPE_CHECKING:
    from hil.target.tpm.transport import Transport


# The C library prints every error it also returns; errors are ours to report, once.
os.environ.setdefault("TSS2_LOG", "all+none")


class QueueEsapi(ESAPI):  # type: ignore[misc]
    """Every ESAPI call, over a `Transport`.

    TPM errors raise `TSS2_Exception`. When the transport failed (a dead board, a refused doorbell), its own error is
    raised in place of the C library's "general failure", also by later calls: the library's context is lost then.
    TPM_RC_RETRY, which the first use of an authorisation with dictionary-attack protection may give, is resubmitted
    by the C library (up to five times), as TPM 2.0 Library part 1, "Response Code Details", tells callers to.
    """

    def __init__(self, transport: Transport) -> None:
        self._queue_tcti = QueueTcti(transport)
        super().__init__(self._queue_tcti)

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name.startswith("_") or not callable(value):
            return value

        @wraps(value)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return value(*args, **kwargs)
            except TSS2_Exception:
                if self._queue_tcti.failure is not None:
                    raise self._queue_tcti.failure from None
                raise

        return call
