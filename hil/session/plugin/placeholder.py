"""A placeholder for the next test while it is not known which one that will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import Self


class Placeholder(pytest.Item):
    """Passed to pytest as the next test, it makes a teardown end all fixtures but those of the session.

    pytest tears down the fixtures that the next test does not share. This item is a child of the session itself, so it
    shares those of the session alone. Without it, None would end the session's fixtures, too, and switch off the board.
    """

    @classmethod
    def from_session(cls, session: pytest.Session) -> Self:
        """Make a placeholder directly below the session."""
        placeholder: Self = cls.from_parent(session, name="placeholder")
        return placeholder

    def runtest(self) -> None:
        """Do nothing: a placeholder is never run."""
