"""The ESAPI of tpm2-pytss over a queue, with the transport's own errors."""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any

from tpm2_pytss import ESAPI, TSS2_Exception

from hil.errors import InfrastructureError
from hil.target.tpm.tcti import QueueTcti

if TYPE_CHECKING:
    from hil.target.tpm.transport import Transport


# The C library prints every error that it also returns; each error should be reported once, by its caller.
os.environ.setdefault("TSS2_LOG", "all+none")


class QueueEsapi(ESAPI):  # type: ignore[misc]
    """Every ESAPI call, over a `Transport`.

    TPM errors raise `TSS2_Exception`. If the transport fails (a dead board, a refused doorbell), this and all later
    calls raise its own error in place of the C library's "general failure", because the library's context is unusable
    from then on. An interruption is raised once, so that what cleans up after it is not interrupted again; later calls
    raise an `InfrastructureError`.

    On TPM_RC_RETRY, which the first use of an authorisation with dictionary-attack protection may return, the C library
    resubmits a command up to five times, as TPM 2.0 Library part 1, "Response Code Details", tells callers to.
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
                failure = self._queue_tcti.failure
                if failure is None:
                    raise
                if not isinstance(failure, Exception):
                    self._queue_tcti.failure = InfrastructureError("an earlier TPM command was interrupted")
                raise failure from None

        return call
