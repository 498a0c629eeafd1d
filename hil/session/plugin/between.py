"""What stands for the next test while nobody knows which it will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import Self


class Between(pytest.Item):
    """As the next test of a teardown it ends all fixtures but those of the session."""

    @classmethod
    def of(cls, session: pytest.Session) -> Self:
        """Return one that belongs to the session alone."""
        between: Self = cls.from_parent(session, name="between")
        return between

    def runtest(self) -> None:
        """Never called."""
