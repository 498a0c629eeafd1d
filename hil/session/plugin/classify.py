"""Whose fault an exception is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _pytest.outcomes import Failed

from hil.errors import FirmwareError, HilError, InfrastructureError, UsageError
from hil.record import Fault, FaultKind
from hil.target.crash import of_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.target.crash import Elf

BRANCHES = (
    (InfrastructureError, FaultKind.INFRASTRUCTURE),
    (UsageError, FaultKind.USAGE),
    (FirmwareError, FaultKind.FIRMWARE),
)


PROMISES = (AssertionError, Failed, HilError)
"""What says that a promise was broken: also `pytest.fail`, and `pytest.raises` when nothing was raised."""


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

    `images` are the ELF files of what runs there: they tell where in the code a crash is.

    The outermost error of our tree in the chain of causes decides; without one, an error of labgrid is about the lab,
    an assertion or a TPM's response code about the firmware, and anything else is a mistake in the test.
    """
    blocked = isinstance(error, BlockedError)
    cause = _decisive(error.cause if isinstance(error, BlockedError) else error)
    kind = _kind(cause)
    if blocked and kind is FaultKind.TEST:
        kind = FaultKind.INFRASTRUCTURE
    context = cause.context if isinstance(cause, HilError) else None
    crash = None if blocked else of_error(cause, images)
    return Fault(
        kind=kind,
        phase=phase,
        type=type(cause).__name__,
        message=_one_line(error if blocked else cause),
        details=details,
        stage=(context.stage if context else "") or stage,
        console=console,
        hint=(crash.attempt if crash else "") or (context.hint if context else ""),
        finding=not blocked and (kind is FaultKind.FIRMWARE or (kind is FaultKind.TEST and phase == "call")),
        crash=crash,
    )


def _decisive(error: BaseException) -> BaseException:
    """The error that says whose fault it was: of the chain the outermost of our tree, which was put there knowingly.

    In a group, which pytest makes of several teardown errors, the one with the worst exit code.
    """
    chain = tuple(_chain(error))
    for one in chain:
        if isinstance(one, HilError) or (_of_lab(one) and not any(isinstance(other, HilError) for other in chain)):
            return one
        if isinstance(one, BaseExceptionGroup):
            return max((_decisive(member) for member in one.exceptions), key=lambda each: _kind(each).exit_code)
    return error


def _kind(error: BaseException) -> FaultKind:
    for branch, kind in BRANCHES:
        if isinstance(error, branch):
            return kind
    if _of_lab(error):
        return FaultKind.INFRASTRUCTURE
    return FaultKind.FIRMWARE if isinstance(error, PROMISES) or _of_tpm(error) else FaultKind.TEST


def _of_lab(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "labgrid"


def _of_tpm(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "tpm2_pytss"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was explicitly raised from."""
    seen: set[int] = set()
    while error and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


def _one_line(error: BaseException) -> str:
    """What an error says, in one line; ours may have a second one, such as what QEMU wrote before it died."""
    if isinstance(error, HilError):
        return "; ".join(line.strip() for line in error.message.strip().splitlines()[:2])
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
