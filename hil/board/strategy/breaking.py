"""Marks a strategy as broken when it fails, so that nothing uses a board in an unknown state."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from hil.errors import BoardBroken, HilError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.board.strategy.boardstrategy import BoardStrategy

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def breaking(
    method: Callable[Concatenate[BoardStrategy, Parameters], Result],
) -> Callable[Concatenate[BoardStrategy, Parameters], Result]:
    """Mark the strategy as broken when `method` fails: after that, all such methods raise `BoardBroken`.

    The first failure is raised unchanged. A board in an unknown state would only produce misleading failures, so
    nothing uses it again before `force`. labgrid's `never_retry` does the same, but would hide the type of the error,
    which says whose fault it is. A `UsageError` breaks nothing: the board is not the cause.
    """

    @functools.wraps(method)
    def wrapper(self: BoardStrategy, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if self.broken is not None:
            first = str(self.broken).partition("\n")[0]
            raise BoardBroken(
                f"the board failed earlier: {first}", board=self.board.board, hint="see the first failure of this run"
            ) from self.broken
        try:
            return method(self, *args, **kwargs)
        except UsageError:
            raise
        except HilError as error:
            self.broken = error.within(board=self.board.board, stage=self.stage)
            raise
        except Exception as error:
            self.broken = error
            raise

    return wrapper
