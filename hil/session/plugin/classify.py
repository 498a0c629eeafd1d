"""Classifies exceptions by whose fault they are: firmware, infrastructure, usage, or the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _pytest.outcomes import Failed  # mypy lets no class derive from pytest.fail.Exception

from hil.errors import FirmwareError, HilError, InfrastructureError, UsageError
from hil.record import Fault, FaultKind
from hil.session.plugin.driverfault import driver_behind
from hil.target.crash import explain_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.target.crash import Elf

BRANCHES = (
    (InfrastructureError, FaultKind.INFRASTRUCTURE),
    (UsageError, FaultKind.USAGE),
    (FirmwareError, FaultKind.FIRMWARE),
)


PROMISES = (AssertionError, Failed, HilError)
"""Exceptions that report a broken promise: `Failed` is that of `pytest.fail`, and of a `pytest.raises` in vain."""


class BlockedError(Failed):
    """A test was not started because the board had failed before; `cause` is that failure."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"not run, the board failed before: {_one_line(cause)}", pytrace=False)
        self.cause = cause


def classify(
    error: BaseException,
    phase: str,
    *,
    stage: str = "",
    console: str = "",
    details: str = "",
    images: Sequence[Elf] = (),
) -> Fault:
    """Return the fault behind `error`, which was raised in `phase` (`setup`, `call`, `teardown`) of a test.

    `images` are the ELF files of the firmware, by which the addresses of a crash become lines of code.

    The outermost `HilError` in the chain of causes decides: whoever raised it from another error knew more than that
    one did. Without one, whatever else was raised in a driver is a fault of the lab, even an assertion: its message
    names the driver. Then an assertion or a TPM's response code is one of the firmware, and anything else one of the
    test.
    """
    blocked = isinstance(error, BlockedError)
    cause = _decisive(error.cause if isinstance(error, BlockedError) else error)
    kind = _kind(cause)
    if blocked and kind is FaultKind.TEST:
        kind = FaultKind.INFRASTRUCTURE
    context = cause.context if isinstance(cause, HilError) else None
    crash = None if blocked else explain_error(cause, images)
    return Fault(
        kind=kind,
        phase=phase,
        type=type(cause).__name__,
        message=_one_line(error) if blocked else _named(cause),
        details=details,
        stage=(context.stage if context else "") or stage,
        console=console,
        hint=(crash.attempt if crash else "") or (context.hint if context else ""),
        finding=not blocked and (kind is FaultKind.FIRMWARE or (kind is FaultKind.TEST and phase == "call")),
        crash=crash,
    )


def _decisive(error: BaseException) -> BaseException:
    """Return the error that decides whose fault it was: the outermost `HilError` of the chain, else one of labgrid.

    Of a group, which pytest makes of several errors in teardown, it is the one with the worst exit code.
    """
    chain = tuple(_chain(error))
    has_ours = any(isinstance(link, HilError) for link in chain)
    for link in chain:
        if isinstance(link, HilError) or (_is_from_labgrid(link) and not has_ours):
            return link
        if isinstance(link, BaseExceptionGroup):
            return max(map(_decisive, link.exceptions), key=lambda member: _kind(member).exit_code)
    return error


def _kind(error: BaseException) -> FaultKind:
    for branch, kind in BRANCHES:
        if isinstance(error, branch):
            return kind
    if _is_from_labgrid(error) or driver_behind(error):
        return FaultKind.INFRASTRUCTURE
    return FaultKind.FIRMWARE if isinstance(error, PROMISES) or _is_from_tpm(error) else FaultKind.TEST


def _named(error: BaseException) -> str:
    """Return the message of an error and, if it is none that a driver meant to raise, the driver and its type."""
    if isinstance(error, HilError) or _is_from_labgrid(error) or not (driver := driver_behind(error)):
        return _one_line(error)
    return f"{driver} failed unexpectedly: {type(error).__name__}: {_one_line(error)}"


def _is_from_labgrid(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "labgrid"


def _is_from_tpm(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "tpm2_pytss"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its explicit causes (`raise ... from`), which a loop of causes cannot make endless."""
    seen: set[int] = set()
    while error and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


def _one_line(error: BaseException) -> str:
    """Return the message of an error in one line. Ours may have a second one, such as what QEMU wrote last."""
    if isinstance(error, HilError):
        return "; ".join(line.strip() for line in error.message.strip().splitlines()[:2])
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
