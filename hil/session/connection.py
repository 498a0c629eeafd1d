"""A board for a script, a prompt or a notebook: `hil.connect`."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hil.board.file import labgridenv
from hil.board.file.boardfile import BoardFile
from hil.board.file.images import refuse_missing
from hil.interruption import raised_as_keyboard_interrupt
from hil.lab.boards.hold import held
from hil.lab.places import connect_places
from hil.record.transcript import MemorySink
from hil.session.board import Board, describe, open_board
from hil.session.layers import Layers
from hil.session.tree import Tree

if TYPE_CHECKING:
    from types import TracebackType

    from hil.session.scriptrecord import ScriptRecord


def connect(
    board: str | os.PathLike[str], *, build: bool = True, record: bool = True, firmware: Path | None = None
) -> Connection:
    """Open a board, by its name in the tree around the current directory or by its board file.

    The board is locked, as `hil run` locks it, until `Connection.close`, the end of a `with` block, or the end of the
    process, whatever ends that. It boots when something of it is used for the first time.

    Args:
        board: the name of a board, or the path of a board file
        build: bring the firmware up to date first
        record: leave a record of consoles, steps and outcome in `reports/scripts/`
        firmware: take the images from this directory; nothing is built

    Raises `UsageError` if there is no such board, or it lacks images; `BoardUnavailable` if somebody else uses it; and
    what the build raises.
    """
    tree, file = _find(board)
    if build and firmware is None:
        from hil.board.builds import bring_up_to_date

        bring_up_to_date(file)
    return Connection(tree, file, record=record, firmware=firmware)


class Connection(Layers):
    """An open board, and the layers on it. `close` switches the board off, and closes the record.

    Use it in the thread that made it: the emulator ends with that thread.
    """

    def __init__(self, tree: Tree, file: BoardFile, *, record: bool = True, firmware: Path | None = None) -> None:
        """Lock and open the board of a board file; `connect` calls this."""
        self._process = os.getpid()
        self._record: ScriptRecord | None = None
        with contextlib.ExitStack() as opening:
            if _may_take_signals():
                opening.enter_context(raised_as_keyboard_interrupt())
            opening.enter_context(held(file))
            environment = labgridenv.load(file.path)
            opening.callback(environment.cleanup)
            if firmware is not None:
                labgridenv.take_images(environment, firmware)
            refuse_missing(file.path, BoardFile.of_environment(environment).images)
            connect_places(environment)
            target = labgridenv.target(environment)
            described = describe(environment, tree.root, "named by a script")
            super().__init__(open_board(target, described, MemorySink(), Board))
            self.board.strategy.forks_again = False  # most scripts start once
            opening.callback(self._things.close)
            if record:
                from hil.session.scriptrecord import ScriptRecord

                self._record = ScriptRecord(tree.reports, described, tree.root, file.images.values())
                self.board.strategy.sink = self._record.consoles
            self._opened = opening.pop_all()
        atexit.register(self._at_exit)

    @property
    def record(self) -> Path | None:
        """The directory of the record; None without one."""
        return self._record.run.path if self._record else None

    def close(self, error: BaseException | None = None) -> None:
        """Switch the board off, free it, and close the record; `error` says what went wrong. May be called again."""
        if self._board is None:
            return
        board, self._board = self._board, None
        atexit.unregister(self._at_exit)
        stage = board.stage
        try:
            self._opened.close()
        except Exception as failed:  # the record tells, and what came before decides
            error = error or failed
            raise
        finally:
            if self._record:
                self._record.close(error, stage)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close(error)

    def __repr__(self) -> str:
        return f"<hil connection to {self._board.name}, {self._board.stage}>" if self._board else "<closed>"

    def _at_exit(self) -> None:
        """Close the board of a script that did not; not in a process that was forked from it, which has no board."""
        if os.getpid() == self._process:
            from hil.session.scriptrecord import is_interactive

            self.close(None if is_interactive() else getattr(sys, "last_value", None))


def _find(board: str | os.PathLike[str]) -> tuple[Tree, BoardFile]:
    """Return a board, and the tree that its record goes to. Raises `UsageError`."""
    path = Path(board)
    if path.suffix == ".yaml":
        labgridenv.check_file(path)
        return Tree.here_or_none() or Tree(path.absolute().parent), BoardFile.read(path)
    tree = Tree.here()
    return tree, tree.board(str(board))


def _may_take_signals() -> bool:
    """Whether requests to end may be raised as exceptions: not where the script has a handler of its own."""
    own = (signal.SIG_DFL, signal.SIG_IGN, None)
    return threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) in own
